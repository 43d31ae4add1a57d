#!/usr/bin/env python3
"""Topics of several storage classes on one broker: each is in the log its class says, over a kill -9 too, and waits for no
other; what a broker has no place for is refused."""

import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "kit"))
import clients  # noqa: E402
from broker import Broker, is_peer  # noqa: E402
from case import BucketTest, FreshBrokerTest, admin, create_topic, run_tests, wait_until  # noqa: E402

CLASS = "thalweg.storage.class"
CLASSES = ("local", "standard", "express")
SOURCES = {1: "topic", 4: "broker", 5: "default"}  # DescribeConfigsResponse.ConfigSource
NEVER_MS = 3_600_000  # what was written stays in the log
SEAL_BYTES = 4096  # as MinIO keeps it; chunks are longer
PAYLOAD = "x" * 4096
WAIT_SECONDS_MAX = 5  # for an append beside a store that stands still


def write(broker, topic, first, count, payload="", seconds=60):
    clients.kcat(broker, "-P", "-t", topic, "-X", "linger.ms=5", "-X", "batch.size=65536", seconds=seconds,
                 stdin="".join(f"{n} {payload}\n" for n in range(first, first + count)))


def read(broker, topic):
    shown = clients.kcat(broker, "-C", "-e", "-q", "-t", topic, "-o", "beginning")
    return sorted(int(line.split()[0]) for line in shown.splitlines())


def refusal(broker, topic, **configs):
    from confluent_kafka.admin import NewTopic
    client = admin(broker)  # must outlive its future
    new = NewTopic(topic, num_partitions=1, replication_factor=1, config=configs)
    try:
        client.create_topics([new])[topic].result(30)
    except Exception as error:  # the client's own kind
        return error.args[0]
    raise AssertionError(f"{topic} was created")


def grow(broker, topic, partitions):
    from confluent_kafka.admin import NewPartitions
    client = admin(broker)
    client.create_partitions([NewPartitions(topic, partitions)])[topic].result(30)


def class_of(broker, topic):
    """What DescribeConfigs says of a topic's class, and where it comes from."""
    from confluent_kafka.admin import ConfigResource
    client = admin(broker)
    asked = ConfigResource(ConfigResource.Type.TOPIC, topic)
    entry = client.describe_configs([asked])[asked].result(30)[CLASS]
    return entry.value, SOURCES[entry.source]


@unittest.skipIf(is_peer(), "about the thalweg program")
class ThreeClasses(BucketTest):
    def setUp(self):
        super().setUp()
        self.place = os.path.join(self.directory, self.bucket)
        self.enterContext(self.broker())

    def broker(self):
        self.running = Broker(self.place, {
            "thalweg.store": self.server.url(self.bucket, "regional"),
            "thalweg.chunks": self.server.url(self.bucket, "zonal") + "&class=express", CLASS: "local",
            "thalweg.offload.interval.ms": str(NEVER_MS)}, environment=self.server.environment)
        return self.running

    def chunks(self, prefix):
        """Keys of the chunks in the bucket."""
        return [key for key, size in self.server.objects(self.bucket, f"{prefix}/c").items() if size > SEAL_BYTES]

    def local_log(self):
        folder = os.path.join(self.place, "data", "log")
        return [name for name in os.listdir(folder) if name not in ("lock", "incarnation")]

    def test_each_topic_is_in_the_log_its_class_says_over_a_kill(self):
        broker = self.running
        self.assertTrue(self.local_log())  # the default's log is there from the start, the others' are not
        self.assertEqual((self.chunks("regional"), self.chunks("zonal")), ([], []))
        for name in CLASSES:
            create_topic(broker, name, 3, {CLASS: name})
        create_topic(broker, "unsaid")
        self.assertEqual([class_of(broker, name)[0] for name in (*CLASSES, "unsaid")], [*CLASSES, "local"])
        self.assertEqual([class_of(broker, name)[1] for name in ("express", "unsaid")], ["topic", "default"])
        for name in ("local", "unsaid"):
            write(broker, name, 0, 1000)
        self.assertEqual((self.chunks("regional"), self.chunks("zonal")), ([], []))
        for name in ("standard", "express"):
            write(broker, name, 0, 1000, PAYLOAD)
        puts = {name: len(self.chunks(place)) for name, place in (("standard", "regional"), ("express", "zonal"))}
        self.assertGreaterEqual(puts["standard"], 1)
        self.assertGreaterEqual(puts["express"], 4000 // 640)  # in chunks of 512 KiB, and a quarter more
        self.assertGreater(puts["express"], puts["standard"])
        broker.kill()
        broker.start()
        for name in (*CLASSES, "unsaid"):
            self.assertEqual(read(broker, name), list(range(1000)), name)
            write(broker, name, 1000, 100)
        broker.stop()
        broker.start()
        for name in (*CLASSES, "unsaid"):
            self.assertEqual(read(broker, name), list(range(1100)), name)
            broker_class = "local" if name == "unsaid" else name
            self.assertEqual(class_of(broker, name)[0], broker_class)

    def test_a_topic_keeps_its_class_when_the_default_changes_and_grows_in_it(self):
        broker = self.running
        create_topic(broker, "t")
        broker.stop()
        broker.settings[CLASS] = "express"
        broker.start()
        create_topic(broker, "u")
        self.assertEqual(class_of(broker, "t"), ("local", "topic"))
        self.assertEqual(class_of(broker, "u"), ("express", "broker"))
        grow(broker, "t", 4)
        before = len(self.chunks("zonal"))
        for partition in range(4):
            clients.kcat(broker, "-P", "-t", "t", "-p", str(partition), stdin=f"{partition}\n")
        self.assertEqual(read(broker, "t"), [0, 1, 2, 3])
        self.assertEqual(len(self.chunks("zonal")), before)


@unittest.skipIf(is_peer(), "about the thalweg program")
class Places(FreshBrokerTest):
    def test_a_class_without_a_place_is_refused_by_name(self):
        with Broker(self.directory, {}) as broker:
            if "thalweg.store" in broker.settings:
                self.skipTest("a bucket is a place for standard")
            error = refusal(broker, "t", **{CLASS: "express"})
            self.assertEqual(error.name(), "INVALID_CONFIG")
            self.assertIn("logs of class: local", error.str())
            self.assertIn("Invalid value fast", refusal(broker, "t", **{CLASS: "fast"}).str())
            create_topic(broker, "t", 1, {CLASS: "local"})
            self.assertEqual(class_of(broker, "t"), ("local", "topic"))

    def test_a_log_whose_place_is_not_named_any_more_keeps_the_broker_from_starting(self):
        zone = "file://" + os.path.join(self.directory, "zone")
        broker = Broker(self.directory, {"thalweg.chunks": zone, CLASS: "local"})
        with broker:
            create_topic(broker, "t", 1, {CLASS: "standard"})
            write(broker, "t", 0, 10)
            broker.stop()
            del broker.settings["thalweg.chunks"]
            with self.assertRaisesRegex(AssertionError, "there is a log of class standard, and nothing says where"):
                broker.start()
            broker.settings["thalweg.chunks"] = zone
            broker.start()
            self.assertEqual(read(broker, "t"), list(range(10)))


@unittest.skipIf(is_peer(), "about the thalweg program")
class StandingStill(BucketTest):
    def test_a_store_that_stands_still_holds_up_no_topic_of_another_class(self):
        place = os.path.join(self.directory, "broker")
        chunks = self.server.url(self.bucket, "zonal") + "&class=express"
        with Broker(place, {"thalweg.chunks": chunks, CLASS: "local"}, environment=self.server.environment) as broker:
            for name in ("local", "express"):
                create_topic(broker, name, 1, {CLASS: name})
                write(broker, name, 0, 10)
            self.server.pause()
            try:
                held = clients.start(["kcat", "-b", broker.bootstrap, "-P", "-t", "express", "-l", self.one_line()],
                                     os.path.join(self.directory, "kcat.log"))
                began = time.monotonic()
                for n in range(5):
                    write(broker, "local", 10 + n, 1, seconds=WAIT_SECONDS_MAX)
                create_topic(broker, "more")
                self.assertLess(time.monotonic() - began, WAIT_SECONDS_MAX)
                self.assertEqual(read(broker, "local"), list(range(15)))
                self.assertIsNone(held.poll(), "express was acknowledged without its store")
            finally:
                self.server.resume()
            self.assertEqual(held.wait(60), 0)
            wait_until(lambda: read(broker, "express") == list(range(11)), "what waited for the store")

    def one_line(self):
        path = os.path.join(self.directory, "line")
        with open(path, "w", encoding="ascii") as file:
            file.write("10\n")
        return path


if __name__ == "__main__":
    run_tests()
