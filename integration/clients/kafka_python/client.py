#!/usr/bin/env python3
"""kafka-python under the contract of ../README.md."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "kit"))
import kafka  # noqa: E402
from records import Digest, Records  # noqa: E402


def produce(bootstrap, topic, partitions, count, size, codec, seed, base_timestamp):
    producer = kafka.KafkaProducer(
        bootstrap_servers=bootstrap, compression_type=None if codec == "none" else codec, acks="all",
        enable_idempotence=True, linger_ms=5, batch_size=65536)
    pending = []
    for record in Records(int(partitions), int(count), int(size), int(seed), int(base_timestamp),
                          null_headers=False):
        pending.append(producer.send(topic, record.value, record.key, record.headers, record.partition,
                                     record.timestamp))
    producer.flush(timeout=120)
    for future in pending:
        future.get(timeout=60)
    producer.close()


def consume(bootstrap, topic, group, count):
    digest = Digest()
    consumer = kafka.KafkaConsumer(
        topic, bootstrap_servers=bootstrap, group_id=group, auto_offset_reset="earliest", enable_auto_commit=False)
    extra_polls = 0
    while extra_polls < 2:
        batch = consumer.poll(timeout_ms=300 if digest.count >= int(count) else 1000, max_records=5000)
        for messages in batch.values():
            for message in messages:
                digest.add(message.partition, message.offset, message.timestamp, message.key, message.value,
                           message.headers)
        extra_polls += digest.count >= int(count)
    consumer.commit()
    consumer.close()
    print("\n".join(digest.lines()))


if __name__ == "__main__":
    {"produce": produce, "consume": consume}[sys.argv[1]](*sys.argv[2:])
