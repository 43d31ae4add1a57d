#!/usr/bin/env python3
"""aiokafka under the contract of ../README.md."""

import asyncio
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "kit"))
import aiokafka  # noqa: E402
from records import Digest, Records  # noqa: E402


async def produce(bootstrap, topic, partitions, count, size, codec, seed, base_timestamp):
    producer = aiokafka.AIOKafkaProducer(
        bootstrap_servers=bootstrap, compression_type=None if codec == "none" else codec, enable_idempotence=True,
        linger_ms=5, max_batch_size=65536)
    await producer.start()
    pending = []
    for record in Records(int(partitions), int(count), int(size), int(seed), int(base_timestamp)):
        pending.append(await producer.send(topic, record.value, record.key, record.partition, record.timestamp,
                                           record.headers))
    await producer.flush()
    for future in pending:
        await future
    await producer.stop()


async def consume(bootstrap, topic, group, count):
    digest = Digest()
    consumer = aiokafka.AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, group_id=group, auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    extra_polls = 0
    while extra_polls < 2:
        batch = await consumer.getmany(timeout_ms=300 if digest.count >= int(count) else 1000, max_records=5000)
        for messages in batch.values():
            for message in messages:
                digest.add(message.partition, message.offset, message.timestamp, message.key, message.value,
                           message.headers)
        extra_polls += digest.count >= int(count)
    await consumer.commit()
    await consumer.stop()
    print("\n".join(digest.lines()))


if __name__ == "__main__":
    asyncio.run({"produce": produce, "consume": consume}[sys.argv[1]](*sys.argv[2:]))
