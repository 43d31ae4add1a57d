"""What every integration test file builds on: a broker, a directory or a bucket per test, an admin client.

The tests run under the Python of build/clients (it has confluent-kafka): `run_tests()` starts itself again there.
"""

import os
import shutil
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import fetch_clients  # noqa: E402
from broker import Broker, binary, is_peer  # noqa: E402
from s3_servers import Minio  # noqa: E402

# How many times its bar a time may be: CI runs tests beside each other, `./dev conformance` sets 1.
SLACK = float(os.environ.get("THALWEG_TIME_SLACK", "2"))


class BrokerTest(unittest.TestCase):
    """One broker for the whole class, in `self.broker`; SETTINGS are its configuration keys."""

    SETTINGS = {}

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="thalweg-")
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        cls.broker = Broker(os.path.join(cls.directory, "broker"), cls.SETTINGS)
        cls.enterClassContext(cls.broker)

    def tearDown(self):
        # A broker that died during the test is that test's failure, not the class's.
        self.assertTrue(self.broker.running(), f"the broker is gone:\n{self.broker.log()[-3000:]}")

    def temporary_directory(self):
        directory = tempfile.mkdtemp(prefix="thalweg-")
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        return directory


class FreshBrokerTest(unittest.TestCase):
    """A directory per test; the test makes its brokers itself."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="thalweg-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)


class BucketTest(unittest.TestCase):
    """One MinIO for the whole class, in `self.server`; each test has a bucket of its name in it."""

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="thalweg-")
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        cls.server = Minio(os.path.join(cls.directory, "minio"))
        cls.enterClassContext(cls.server)

    def setUp(self):
        self.bucket = self.id().rsplit(".", 1)[-1].replace("_", "-")[:63].rstrip("-")
        self.server.make_bucket(self.bucket)


def admin(broker):
    from confluent_kafka.admin import AdminClient  # only the clients' Python has it
    return AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 2})


def create_topic(broker, topic, partitions=1, config=None):
    """Creates it and waits until metadata names a leader for every partition."""
    from confluent_kafka.admin import NewTopic
    client = admin(broker)
    new = NewTopic(topic, num_partitions=partitions, replication_factor=1, config=config or {})
    client.create_topics([new])[topic].result(30)
    wait_until(lambda: _leaders(client, topic) == partitions, f"leaders of {topic}")


def _leaders(client, topic):
    found = client.list_topics(topic, timeout=10).topics[topic]
    return sum(1 for partition in found.partitions.values() if partition.leader >= 0)


def end_offsets(broker, topic, partitions):
    from confluent_kafka import TopicPartition
    from confluent_kafka.admin import OffsetSpec
    client = admin(broker)  # must outlive its futures
    asked = {TopicPartition(topic, p): OffsetSpec.latest() for p in range(partitions)}
    return {tp.partition: future.result(30).offset for tp, future in client.list_offsets(asked).items()}


def committed_offsets(broker, group, topic):
    from confluent_kafka import ConsumerGroupTopicPartitions
    client = admin(broker)
    found = client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result(30)
    return {tp.partition: tp.offset for tp in found.topic_partitions if tp.topic == topic}


def wait_until(condition, what, seconds=30):
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(f"not after {seconds} s: {what}")
        time.sleep(0.05)


def run_tests():
    """The main of every test file."""
    if sys.executable != fetch_clients.python():
        os.execv(fetch_clients.python(), [fetch_clients.python(), *sys.argv])
    if not is_peer() and not os.path.exists(binary()):
        sys.exit(f"{binary()} is not built; THALWEG_BINARY names another")
    unittest.main(verbosity=2, module="__main__")
