#!/usr/bin/env python3
"""Records of 16 MiB on a topic that allows them, and the refusal of what a topic does not allow."""

import hashlib
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "kit"))
import clients  # noqa: E402
from case import BrokerTest, create_topic, end_offsets, run_tests  # noqa: E402

TOPIC_LIMIT_BYTES = 20971520
BIG_BYTES = 16 << 20
COUNT = 5
CLIENTS = ("java-4.3", "java-3.9", "librdkafka-2.15", "librdkafka-2.0")  # those that know `put` and `sums`


class BigRecords(BrokerTest):
    def producer(self, results):
        import confluent_kafka
        client = confluent_kafka.Producer({
            "bootstrap.servers": self.broker.bootstrap, "message.max.bytes": 2 * TOPIC_LIMIT_BYTES,
            "enable.idempotence": True})
        return client, lambda error, message: results.append((error, None if error else message.offset()))

    def produce(self, topic, values):
        results = []
        client, delivered = self.producer(results)
        for value in values:
            client.produce(topic, value, partition=0, on_delivery=delivered)
        self.assertEqual(client.flush(120), 0)
        return results

    def test_records_of_16_mib_come_back_unchanged_to_a_consumer_with_small_fetches(self):
        import confluent_kafka
        create_topic(self.broker, "big", 1, {"max.message.bytes": str(TOPIC_LIMIT_BYTES)})
        chance = random.Random(16)
        values = [chance.randbytes(BIG_BYTES - 1024 * n) for n in range(COUNT)]
        self.assertEqual(self.produce("big", values), [(None, n) for n in range(COUNT)])
        consumer = confluent_kafka.Consumer({
            "bootstrap.servers": self.broker.bootstrap, "group.id": "big", "fetch.message.max.bytes": 65536,
            "fetch.max.bytes": 65536, "message.max.bytes": 65536})
        consumer.assign([confluent_kafka.TopicPartition("big", 0, 0)])
        read = []
        while len(read) < COUNT:
            message = consumer.poll(60)
            self.assertIsNotNone(message, f"only {len(read)} of {COUNT} came")
            self.assertIsNone(message.error())
            read.append(hashlib.sha256(message.value()).digest())
        consumer.close()
        self.assertEqual(read, [hashlib.sha256(value).digest() for value in values])

    def test_every_java_and_librdkafka_reads_what_any_of_them_and_kcat_wrote(self):
        create_topic(self.broker, "shared", 1, {"max.message.bytes": str(TOPIC_LIMIT_BYTES)})
        chance, expected = random.Random(17), []
        for offset, writer in enumerate((*CLIENTS, "kcat")):
            value = chance.randbytes(BIG_BYTES)
            path = os.path.join(self.directory, writer)
            with open(path, "wb") as file:
                file.write(value)
            if writer == "kcat":
                clients.kcat(self.broker, "-P", "-t", "shared", "-p", "0", "-X", f"message.max.bytes={2 * BIG_BYTES}",
                             path)
            else:
                clients.call(writer, "put", self.broker.bootstrap, "shared", path)
            expected.append(f"{offset} {hashlib.sha256(value).hexdigest()}")
        for reader in CLIENTS:
            with self.subTest(reader=reader):
                read = clients.call(reader, "sums", self.broker.bootstrap, "shared", str(len(expected)))
                self.assertEqual(read.split("\n")[:-1], expected)

    def test_a_batch_beyond_the_topics_limit_is_refused(self):
        import confluent_kafka
        create_topic(self.broker, "narrow", 1, {"max.message.bytes": "10000"})
        results = self.produce("narrow", [b"n" * 20000])
        self.assertEqual(results[0][0].code(), confluent_kafka.KafkaError.MSG_SIZE_TOO_LARGE)
        self.assertEqual(self.produce("narrow", [b"n" * 5000]), [(None, 0)])
        self.assertEqual(end_offsets(self.broker, "narrow", 1), {0: 1})


if __name__ == "__main__":
    run_tests()
