#!/usr/bin/env python3
"""The data directory reaches its limit (thalweg.data.size.limit.bytes): produce is refused with KAFKA_STORAGE_ERROR
within a second, reads go on, a restart works, and writes resume when the limit is raised."""

import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "kit"))
import clients  # noqa: E402
import wire  # noqa: E402
from broker import Broker, in_bucket, is_peer  # noqa: E402
from case import SLACK, FreshBrokerTest, create_topic, end_offsets, run_tests  # noqa: E402

LIMIT_BYTES = 768 << 20
KAFKA_STORAGE_ERROR = 56
REFUSED_SECONDS_MAX = 1
BATCH = [b"s" * (900 << 10)]


@unittest.skipIf(is_peer() or in_bucket(), "a limit of Thalweg, on what is in a directory")
class NoSpace(FreshBrokerTest):
    def broker(self, limit):
        broker = Broker(os.path.join(self.directory, "broker"), {"thalweg.data.size.limit.bytes": str(limit)})
        broker.expect_alarm("space|limit|full")
        return broker

    def fill(self, broker):
        """Produces until refused; returns how many were acknowledged."""
        batch, slowest = wire.record_batch(BATCH), 0.0
        with wire.Connection(broker) as connection:
            for count in range(2 * LIMIT_BYTES // len(batch)):
                began = time.monotonic()
                error, _ = wire.produce(connection, "full", 0, batch)
                slowest = max(slowest, time.monotonic() - began)
                if error:
                    self.assertEqual(error, KAFKA_STORAGE_ERROR)
                    self.assertLess(time.monotonic() - began, REFUSED_SECONDS_MAX * SLACK)
                    return count
        self.fail(f"{2 * LIMIT_BYTES} bytes were taken under a limit of {LIMIT_BYTES}")

    def directory_bytes(self):
        return sum(os.stat(os.path.join(folder, file)).st_blocks * 512
                   for folder, _, files in os.walk(os.path.join(self.directory, "broker", "data")) for file in files)

    def check_reads(self, broker, count):
        self.assertEqual(end_offsets(broker, "full", 1), {0: count})
        read = clients.kcat(broker, "-t", "full", "-C", "-e", "-q", "-o", "beginning", "-f", "%o %S\n", seconds=120)
        self.assertEqual(read.splitlines(), [f"{n} {len(BATCH[0])}" for n in range(count)])

    def test_a_full_directory_refuses_writes_and_serves_reads(self):
        with self.broker(LIMIT_BYTES) as broker:
            create_topic(broker, "full")
            count = 0
            while added := self.fill(broker):  # what still can be moved to segments makes room in the log
                count += added
                time.sleep(2)
            self.assertGreater(count, 10)
            self.assertLessEqual(self.directory_bytes(), LIMIT_BYTES * 1.1)
            self.check_reads(broker, count)
            with wire.Connection(broker) as connection:
                error, _ = wire.produce(connection, "full", 0, wire.record_batch(BATCH))
            self.assertEqual(error, KAFKA_STORAGE_ERROR)
        with self.broker(LIMIT_BYTES) as broker:
            self.check_reads(broker, count)
        with self.broker(4 * LIMIT_BYTES) as broker:
            with wire.Connection(broker) as connection:
                self.assertEqual(wire.produce(connection, "full", 0, wire.record_batch(BATCH)), (0, count))
            self.check_reads(broker, count + 1)


if __name__ == "__main__":
    run_tests()
