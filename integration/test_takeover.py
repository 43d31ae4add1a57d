#!/usr/bin/env python3
"""A broker without a directory: everything in a bucket of MinIO, and who owns it when there are two."""

import os
import signal
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "kit"))
import calls  # noqa: E402
import wire  # noqa: E402
from broker import Broker, is_peer  # noqa: E402
from case import BucketTest, create_topic, end_offsets, run_tests, wait_until  # noqa: E402

TOPIC, PARTITIONS = "t", 3
LATEST = -1
GO_ON_SECONDS_MAX = 10  # from kill -9 to the next acknowledgement, on another machine
LEASE_SECONDS = 3
STOP_SECONDS_MAX = 10


class Writer(threading.Thread):
    """Produces to one broker until stopped; `acked` is {(partition, offset): value}."""

    def __init__(self, bootstrap, first=0):
        from confluent_kafka import Producer
        super().__init__(daemon=True)
        self.client = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 5,
                                "message.timeout.ms": 120_000, "reconnect.backoff.max.ms": 200, "log_level": 2})
        self.number, self.acked, self.failed = first, {}, []
        self.ended = threading.Event()
        self.start()

    def delivered(self, error, message):
        if error:
            self.failed.append(error)
        else:
            self.acked[message.partition(), message.offset()] = int(message.value())

    def run(self):
        while not self.ended.is_set():
            self.client.produce(TOPIC, str(self.number), partition=self.number % PARTITIONS, on_delivery=self.delivered)
            self.number += 1
            self.client.poll(0.002)

    def wait_acked(self, more=100, seconds=30):
        """Until so many more are acknowledged; how long that took."""
        began, goal = time.monotonic(), len(self.acked) + more
        wait_until(lambda: len(self.acked) >= goal, f"{more} acknowledgements", seconds)
        return time.monotonic() - began

    def stop(self, flush_seconds=30):
        self.ended.set()
        self.join()
        return self.client.flush(flush_seconds)


def log_of(broker):
    """{(partition, offset): value} of everything there is."""
    from confluent_kafka import Consumer, TopicPartition
    ends = end_offsets(broker, TOPIC, PARTITIONS)
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "reader", "enable.auto.commit": False})
    consumer.assign([TopicPartition(TOPIC, p, 0) for p in range(PARTITIONS)])
    found, until = {}, time.monotonic() + 60
    while len(found) < sum(ends.values()):
        assert time.monotonic() < until, f"{len(found)} of {ends}"
        for message in consumer.consume(1000, 0.2):
            assert not message.error(), message.error()
            found[message.partition(), message.offset()] = int(message.value())
    consumer.close()
    return found


def pause(process):
    """SIGSTOP, and until no thread of it runs any more."""
    def runs(thread):
        with open(f"/proc/{process.pid}/task/{thread}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "T"
    process.send_signal(signal.SIGSTOP)
    wait_until(lambda: not any(runs(thread) for thread in os.listdir(f"/proc/{process.pid}/task")), "a pause")


@unittest.skipIf(is_peer(), "about the thalweg program")
class Takeover(BucketTest):
    """Brokers over one MinIO; each test has a bucket, and its brokers are machines with nothing on them."""

    def setUp(self):
        super().setUp()
        self.machines = 0

    def machine(self, port=None, **settings):
        self.machines += 1
        broker = Broker(os.path.join(self.directory, self.bucket, str(self.machines)),
                        {"thalweg.store": self.server.url(self.bucket, "p"), "thalweg.chunks.class": "express",
                         "thalweg.offload.interval.ms": "500", **settings},
                        port=port, environment=self.server.environment, diskless=True)
        self.addCleanup(lambda: broker.running() and (broker.process.send_signal(signal.SIGCONT), broker.kill()))
        return broker

    def metadata_entries(self):
        return len(self.server.objects(self.bucket, "p/meta/log"))

    def assert_holds(self, broker, acked):
        """Every acknowledgement is in the broker's log, and no value is there twice."""
        found = log_of(broker)
        self.assertEqual({at: found.get(at) for at in acked}, acked)
        self.assertEqual(len(set(found.values())), len(found))

    def test_a_fresh_machine_goes_on_where_a_killed_one_stopped(self):
        broker = self.machine().start()
        create_topic(broker, TOPIC, PARTITIONS)
        writer = Writer(broker.bootstrap)
        for _ in range(3):
            writer.wait_acked(500)
            broker.kill()
            self.assertEqual(os.listdir(broker.machine), [], "something was written on the machine")
            killed = time.monotonic()
            broker = self.machine(broker.port).start()
            writer.wait_acked(1)
            self.assertLess(time.monotonic() - killed, GO_ON_SECONDS_MAX)
        self.assertEqual((writer.stop(), writer.failed), (0, []))
        self.assert_holds(broker, writer.acked)
        broker.stop()
        stopped = time.monotonic()
        broker = self.machine(broker.port).start()
        self.assertLess(time.monotonic() - stopped, LEASE_SECONDS, "after a clean stop nobody waits")
        self.assert_holds(broker, writer.acked)
        broker.stop()
        broker.assert_quiet_log()

    def test_a_broker_that_wakes_after_another_took_over_tells_nothing_old_and_ends(self):
        old = self.machine().start()
        create_topic(old, TOPIC, PARTITIONS)
        writer = Writer(old.bootstrap)
        writer.wait_acked(300)
        latest, fetch = calls.Client(old), calls.Client(old)
        self.addCleanup(latest.socket.close)
        self.addCleanup(fetch.socket.close)
        before = latest.list_offset(TOPIC, LATEST)["Offset"]
        pause(old.process)
        stopped = time.monotonic()
        latest.post(calls.LIST_OFFSETS, 7, {"ReplicaId": -1, "Topics": [
            {"Name": TOPIC, "Partitions": [{"PartitionIndex": 0, "Timestamp": LATEST}]}]})
        fetch.post(calls.FETCH, 12, {"ReplicaId": -1, "MaxWaitMs": 0, "MinBytes": 1, "MaxBytes": 1 << 20, "Topics": [
            {"Topic": TOPIC, "Partitions": [{"Partition": 0, "FetchOffset": 10**9, "PartitionMaxBytes": 1 << 20}]}]})
        new = self.machine().start()
        other = Writer(new.bootstrap, first=10**9)
        other.wait_acked(300)
        self.assertLess(time.monotonic() - stopped, GO_ON_SECONDS_MAX)
        old.process.send_signal(signal.SIGCONT)
        self.assertIsNone(latest.receive(), f"the latest offset of before, {before}, is no answer")
        self.assertIsNone(fetch.receive(), "nor is that an offset is past the end")
        self.assertEqual(old.process.wait(20), 1)
        self.assertIn("another owner has taken over: broker 1 on ", old.log())
        self.assertEqual((other.stop(), other.failed), (0, []))
        writer.stop(flush_seconds=0.1)
        self.assert_holds(new, {**writer.acked, **other.acked})
        new.stop()
        new.assert_quiet_log()

    def test_a_second_broker_beside_one_at_work_is_refused(self):
        with self.machine() as broker:
            create_topic(broker, TOPIC, PARTITIONS)
            writer = Writer(broker.bootstrap)
            writer.wait_acked(100)
            second = self.machine()
            inherited = {key: value for key, value in os.environ.items() if not key.startswith("THALWEG_")}
            done = subprocess.run(second.command(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  timeout=30, check=False, env={**inherited, **self.server.environment})
            self.assertEqual(done.returncode, 1, done.stdout)
            lines = [line for line in done.stdout.splitlines() if line.startswith("thalweg: ")]
            self.assertEqual(len(lines), 1, done.stdout)
            self.assertIn("/p/: in use by another owner: broker 1 on ", lines[0])
            self.assertIn(str(broker.port), lines[0])
            writer.wait_acked(100)
            self.assertEqual((writer.stop(), writer.failed), (0, []))
            self.assert_holds(broker, writer.acked)

    def test_an_idle_broker_writes_nothing_and_goes_on_at_once(self):
        with self.machine() as broker:
            create_topic(broker, TOPIC, PARTITIONS)
            with wire.Connection(broker) as connection:
                self.assertEqual(wire.produce(connection, TOPIC, 0, wire.record_batch([b"1"])), (0, 0))
                time.sleep(2 * LEASE_SECONDS)
                entries = self.metadata_entries()
                time.sleep(2 * LEASE_SECONDS)
                self.assertEqual(self.metadata_entries(), entries)
                began = time.monotonic()
                self.assertEqual(wire.produce(connection, TOPIC, 0, wire.record_batch([b"2"])), (0, 1))
                self.assertEqual(end_offsets(broker, TOPIC, PARTITIONS)[0], 2)
                self.assertLess(time.monotonic() - began, LEASE_SECONDS)
                self.assertGreater(self.metadata_entries(), entries, "the lease was renewed first")

    def test_it_stops_within_seconds_while_the_bucket_hangs(self):
        broker = self.machine(**{"thalweg.shutdown.timeout.ms": "1000"}).start()
        create_topic(broker, TOPIC, PARTITIONS)
        writer = Writer(broker.bootstrap)
        writer.wait_acked(100)
        self.server.pause()
        try:
            began = time.monotonic()
            self.assertEqual(broker.stop(expect=None), 1)
            self.assertLess(time.monotonic() - began, STOP_SECONDS_MAX)
        finally:
            self.server.resume()
        self.assertIn("ending without", broker.log())
        broker = self.machine(broker.port).start()
        self.assertEqual((writer.stop(), writer.failed), (0, []))
        self.assert_holds(broker, writer.acked)


if __name__ == "__main__":
    run_tests()
