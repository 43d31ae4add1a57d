"""Compares what producers were told and followers were shown with what the broker holds in the end."""

import array
import os
import struct
import time

ENTRY = struct.Struct("<IQQ")
PADDING = b"." * 92  # behind a record's number


def journal(path):
    with open(path, "rb") as file:
        while chunk := file.read(ENTRY.size * 65536):
            yield from ENTRY.iter_unpack(chunk[: len(chunk) // ENTRY.size * ENTRY.size])


def read_topic(bootstrap, topic, ends):
    """The record number at each offset of each partition; fails on a gap, a repeat or after 120 s without news."""
    import confluent_kafka
    consumer = confluent_kafka.Consumer({"bootstrap.servers": bootstrap, "group.id": "verify", "log_level": 2})
    consumer.assign([confluent_kafka.TopicPartition(topic, p, 0) for p in ends])
    found = {partition: array.array("I") for partition in ends}  # numbers fit, and memory is what bounds the rounds
    news = time.monotonic()
    while any(len(found[p]) < end for p, end in ends.items()):
        assert time.monotonic() < news + 120, {p: (len(found[p]), end) for p, end in ends.items()}
        for message in consumer.consume(5000, 0.5):
            assert not message.error(), message.error()
            numbers = found[message.partition()]
            assert message.offset() == len(numbers), (
                f"{topic} [{message.partition()}]: offset {message.offset()} after {len(numbers) - 1}")
            assert message.value()[8:] == PADDING, f"{topic}: changed bytes at offset {message.offset()}"
            numbers.append(struct.unpack(">Q", message.value()[:8])[0])
            news = time.monotonic()
    consumer.close()
    return found


def check_acknowledged(path, found):
    """Every acknowledged record is at the offset its producer was told. Returns how many there were."""
    count = 0
    for partition, number, offset in journal(path):
        numbers = found[partition]
        assert offset < len(numbers), f"lost: record {number} of partition {partition}, acknowledged at {offset}"
        assert numbers[offset] == number, (
            f"partition {partition}, offset {offset}: holds {numbers[offset]}, {number} was acknowledged there")
        count += 1
    return count


def check_exactly_once(found):
    """Only one idempotent producer wrote: record n is at offset n."""
    for partition, numbers in found.items():
        for offset, number in enumerate(numbers):
            assert number == offset, f"partition {partition}, offset {offset} holds record {number}"


def check_complete(found):
    """At least once: no number is missing below the greatest."""
    for partition, numbers in found.items():
        seen = bytearray(max(numbers, default=-1) + 1)
        for number in numbers:
            seen[number] = 1
        assert all(seen), f"partition {partition}: record {seen.index(0)} is missing"


def check_followed(path, found):
    """What a follower was shown is what is there, without a gap or a step back. Returns how many it saw."""
    following, count = {}, 0
    for partition, number, offset in journal(path):
        assert offset == following.get(partition, 0), (
            f"partition {partition}: a follower was shown offset {offset} after {following.get(partition, 0) - 1}")
        assert offset < len(found[partition]) and found[partition][offset] == number, (
            f"partition {partition}, offset {offset}: a follower was shown {number}, which is not there any more")
        following[partition] = offset + 1
        count += 1
    return count


def entries(path):
    return os.path.getsize(path) // ENTRY.size if os.path.exists(path) else 0
