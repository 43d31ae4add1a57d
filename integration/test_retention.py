#!/usr/bin/env python3
"""Retention by time and by size, as consumers see it: the start of a partition moves, and whoever reads goes on."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "kit"))
from broker import is_peer  # noqa: E402
from case import BrokerTest, create_topic, end_offsets, run_tests, wait_until  # noqa: E402

VALUE_BYTES = 512 << 10
RETENTION_BYTES = 2 << 20
COUNT = 16
HALF_AN_HOUR_MS = 1_800_000
TO_BEGIN_READING_MS = 4000
MOVED_SECONDS_MAX = 30


class Retention(BrokerTest):
    SETTINGS = {"log.retention.check.interval.ms": "200", "thalweg.offload.interval.ms": "200",
                **({"log.initial.task.delay.ms": "200"} if is_peer() else {})}

    def create(self, topic, **config):
        """'_' in a config's name stands for '.'. Small segments are for Kafka, which deletes by whole ones."""
        given = {"segment_bytes": 1 << 20, **config}
        create_topic(self.broker, topic, config={key.replace("_", "."): str(value) for key, value in given.items()})

    def produce(self, topic, first, count, age_ms=0):
        """Records of half a megabyte each, numbered from `first`."""
        import confluent_kafka
        client = confluent_kafka.Producer({"bootstrap.servers": self.broker.bootstrap})
        base = int(time.time() * 1000) - age_ms
        for number in range(first, first + count):
            client.produce(topic, b"%08d" % number + b"." * VALUE_BYTES, key=b"k", partition=0, timestamp=base)
        self.assertEqual(client.flush(60), 0)

    def consumer(self, topic, offset):
        import confluent_kafka
        client = confluent_kafka.Consumer({
            "bootstrap.servers": self.broker.bootstrap, "group.id": topic, "auto.offset.reset": "earliest",
            "queued.min.messages": 1, "queued.max.messages.kbytes": 600, "log_level": 2})
        client.assign([confluent_kafka.TopicPartition(topic, 0, offset)])
        self.addCleanup(client.close)
        return client

    def read(self, consumer, count):
        """The offsets of the next records, each of which must be the one written there."""
        offsets = []
        while len(offsets) < count:
            message = consumer.poll(30)
            self.assertIsNotNone(message, f"only {offsets} came")
            self.assertIsNone(message.error())
            self.assertEqual(int(message.value()[:8]), message.offset())
            offsets.append(message.offset())
        return offsets

    def start(self, topic):
        import confluent_kafka
        consumer = confluent_kafka.Consumer({"bootstrap.servers": self.broker.bootstrap, "group.id": "any"})
        low, high = consumer.get_watermark_offsets(confluent_kafka.TopicPartition(topic, 0), 30)
        consumer.close()
        self.assertEqual(end_offsets(self.broker, topic, 1), {0: high})
        return low

    def test_what_is_older_than_retention_ms_goes_and_a_consumer_that_stood_there_goes_on(self):
        self.create("by-time", retention_ms=1000)
        self.produce("by-time", 0, COUNT, age_ms=-TO_BEGIN_READING_MS)
        slow = self.consumer("by-time", 0)
        self.assertEqual(self.read(slow, 1), [0])
        wait_until(lambda: self.start("by-time") == COUNT, "all of it is too old", MOVED_SECONDS_MAX)
        self.produce("by-time", COUNT, 2, age_ms=-HALF_AN_HOUR_MS)  # from the future, as is allowed for an hour
        seen = self.read(slow, 2)
        while seen[-1] != COUNT + 1:  # what it had fetched before
            seen += self.read(slow, 1)
        self.assertEqual(seen[-2:], [COUNT, COUNT + 1])
        self.assertEqual(self.read(self.consumer("by-time", 0), 2), [COUNT, COUNT + 1])
        time.sleep(1)
        self.assertEqual(self.start("by-time"), COUNT)

    def test_what_exceeds_retention_bytes_goes_from_the_front(self):
        self.create("by-size", retention_bytes=RETENTION_BYTES, retention_ms=-1)
        for first in range(0, COUNT, 2):
            self.produce("by-size", first, 2)
            time.sleep(0.3)
        wait_until(lambda: self.start("by-size") >= COUNT // 2, "the front is gone", MOVED_SECONDS_MAX)
        reader = self.consumer("by-size", 0)
        seen = self.read(reader, 1)
        while seen[-1] != COUNT - 1:
            seen += self.read(reader, 1)
        self.assertGreaterEqual(seen[0], COUNT // 2)
        self.assertEqual(seen, sorted(set(seen)))
        self.assertLessEqual(set(range(self.start("by-size"), COUNT)), set(seen))  # what went meanwhile may be missing
        self.assertGreaterEqual((COUNT - self.start("by-size")) * VALUE_BYTES, RETENTION_BYTES)

    def test_a_compacted_topic_keeps_its_newest_records_whatever_their_age(self):
        for topic, policy in (("keyed", "compact"), ("both", "compact,delete")):
            self.create(topic, cleanup_policy=policy, retention_ms=1000, retention_bytes=RETENTION_BYTES)
            self.produce(topic, 0, COUNT)
        wait_until(lambda: self.start("both") == COUNT, "the other topic is emptied", MOVED_SECONDS_MAX)
        self.assertEqual(self.start("keyed"), 0)
        self.assertEqual(self.read(self.consumer("keyed", COUNT - 1), 1), [COUNT - 1])


if __name__ == "__main__":
    run_tests()
