#!/usr/bin/env python3
"""confluent-kafka under the contract of ../README.md."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "kit"))
import confluent_kafka  # noqa: E402
from records import Digest, Records  # noqa: E402


def produce(bootstrap, topic, partitions, count, size, codec, seed, base_timestamp):
    failures = []

    def delivered(error, _):
        if error:
            failures.append(error)

    producer = confluent_kafka.Producer({
        "bootstrap.servers": bootstrap, "compression.type": codec, "enable.idempotence": True, "linger.ms": 5})
    for record in Records(int(partitions), int(count), int(size), int(seed), int(base_timestamp)):
        while True:
            try:
                producer.produce(topic, record.value, record.key, record.partition, on_delivery=delivered,
                                 timestamp=record.timestamp, headers=record.headers)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    left = producer.flush(120)
    if left or failures:
        sys.exit(f"{left} not acknowledged, failures: {failures[:3]}")


def consume(bootstrap, topic, group, count):
    digest = Digest()
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest",
        "enable.auto.commit": False})
    consumer.subscribe([topic])
    extra_polls = 0
    while extra_polls < 2:
        batch = consumer.consume(1000, 0.3 if digest.count >= int(count) else 1.0)
        for message in batch:
            if message.error():
                sys.exit(str(message.error()))
            digest.add(message.partition(), message.offset(), message.timestamp()[1], message.key(), message.value(),
                       message.headers() or [])
        extra_polls += digest.count >= int(count)
    consumer.commit(asynchronous=False)
    consumer.close()
    print("\n".join(digest.lines()))


if __name__ == "__main__":
    {"produce": produce, "consume": consume}[sys.argv[1]](*sys.argv[2:])
