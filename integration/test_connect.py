#!/usr/bin/env python3
"""Kafka Connect, a distributed worker with its three internal topics: lines of a file go through a topic into another
file while the broker is killed with kill -9."""

import json
import os
import sys
import threading
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "kit"))
import clients  # noqa: E402
import fetch_clients  # noqa: E402
from ports import free_port  # noqa: E402
from case import BrokerTest, end_offsets, run_tests, wait_until  # noqa: E402

LINES = 10_000
STEP = 100  # lines written at a time
PAUSE_SECONDS = 0.08


class Worker:
    def __init__(self, test):
        self.url = f"http://127.0.0.1:{free_port()}"
        config = os.path.join(test.directory, "connect.properties")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"""bootstrap.servers={test.broker.bootstrap}
group.id=connect-cluster
key.converter=org.apache.kafka.connect.storage.StringConverter
value.converter=org.apache.kafka.connect.storage.StringConverter
config.storage.topic=connect-configs
offset.storage.topic=connect-offsets
status.storage.topic=connect-status
config.storage.replication.factor=1
offset.storage.replication.factor=1
status.storage.replication.factor=1
offset.flush.interval.ms=500
producer.enable.idempotence=true
listeners={self.url}
""")
        self.log = os.path.join(test.directory, "connect.log")
        self.process = clients.start(
            ["java", "-Xmx1g", "-cp", fetch_clients.kafka_classpath(),
             "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
             "org.apache.kafka.connect.cli.ConnectDistributed", config], self.log)
        test.addCleanup(self.end)

    def end(self):
        self.process.terminate()
        self.process.wait(60)

    def request(self, path, body=None):
        """The JSON answer, or None while the worker is not ready for it."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return None

    def running(self, name):
        status = self.request(f"/connectors/{name}/status")
        return bool(status and status["connector"]["state"] == "RUNNING" and status["tasks"]
                    and all(task["state"] == "RUNNING" for task in status["tasks"]))


def lines_of(path):
    if not os.path.exists(path):
        return []
    with open(path, encoding="ascii") as file:
        return file.read().splitlines()


class Connect(BrokerTest):
    def append(self, path, first, end):
        with open(path, "a", encoding="ascii") as file:
            file.writelines(f"line {n:06d}\n" for n in range(first, end))

    def append_steadily(self, path):
        for first in range(STEP, LINES, STEP):
            self.append(path, first, first + STEP)
            time.sleep(PAUSE_SECONDS)

    def connector(self, worker, name, kind, **config):
        body = {"name": name, "config": {
            "connector.class": f"org.apache.kafka.connect.file.FileStream{kind}Connector", "tasks.max": "1", **config}}
        wait_until(lambda: worker.request("/connectors", body) or worker.request(f"/connectors/{name}"),
                   f"the connector {name} is taken", 60)
        wait_until(lambda: worker.running(name), f"{name} is running", 60)

    def test_a_file_goes_through_a_topic_while_the_broker_is_killed(self):
        source, sink = os.path.join(self.directory, "in.txt"), os.path.join(self.directory, "out.txt")
        self.append(source, 0, STEP)
        worker = Worker(self)
        wait_until(lambda: worker.request("/"), "the worker answers", 90)
        self.assertTrue(worker.request("/")["kafka_cluster_id"])
        self.connector(worker, "source", "Source", file=source, topic="lines")
        self.connector(worker, "sink", "Sink", file=sink, topics="lines")
        wait_until(lambda: len(lines_of(sink)) >= STEP, "lines arrive", 60)
        writer = threading.Thread(target=self.append_steadily, args=(source,))
        writer.start()
        self.addCleanup(writer.join)
        wait_until(lambda: len(lines_of(sink)) >= LINES // 3, "lines arrive while they are written", 60)
        self.broker.kill()
        shown = len(lines_of(sink))
        self.assertLess(shown, LINES * 2 // 3, "the kill must come while lines are under way")
        self.broker.start()
        writer.join()
        wanted = [f"line {n:06d}" for n in range(LINES)]
        wait_until(lambda: len(set(lines_of(sink))) == LINES, "all lines arrive", 120)
        arrived = lines_of(sink)
        self.assertEqual(list(dict.fromkeys(arrived)), wanted)
        held = end_offsets(self.broker, "lines", 1)[0]
        self.assertEqual(held, LINES, "the source's producer is idempotent and its worker was not killed")
        print(f"killed after {shown} lines; of {LINES}, the topic holds {held - LINES} twice, the sink was given "
              f"{len(arrived) - LINES} twice", flush=True)
        self.assertTrue(worker.running("source") and worker.running("sink"))
        offsets = worker.request("/connectors/source/offsets")
        self.assertTrue(offsets["offsets"], "the source's position is stored in connect-offsets")


if __name__ == "__main__":
    run_tests()
