#!/usr/bin/env python3
"""A member of a group: reads its partitions until SIGTERM, commits each second, and journals what it saw.

    follower.py BOOTSTRAP TOPIC GROUP JOURNAL

It is given its partitions while they are empty. The journal is a sequence of (partition u32, number u64, offset u64)
in the order received; the last committed offsets that were acknowledged go to JOURNAL.commits, one "partition offset"
per line; each assignment goes to JOURNAL.assigned, the partitions on a line.
"""

import signal
import struct
import sys
import time

import confluent_kafka

ENTRY = struct.Struct("<IQQ")


def commit(consumer, positions, path):
    wanted = [confluent_kafka.TopicPartition(topic, partition, offset) for (topic, partition), offset in
              positions.items()]
    if not wanted:
        return
    try:
        done = consumer.commit(offsets=wanted, asynchronous=False)
    except confluent_kafka.KafkaException:
        return  # the broker is away: unknown outcome, the next commit covers it
    with open(path, "w", encoding="ascii") as file:
        file.writelines(f"{tp.partition} {tp.offset}\n" for tp in done if not tp.error)


def main():
    bootstrap, topic, group, journal_path = sys.argv[1:]
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False,
        "auto.offset.reset": "error", "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 200, "log_level": 2})

    def assigned(_, given):
        with open(journal_path + ".assigned", "a", encoding="ascii") as file:
            file.write(" ".join(str(tp.partition) for tp in given) + "\n")
        # Nothing is committed yet; what comes after the first record must never ask for a reset.
        consumer.assign([confluent_kafka.TopicPartition(topic, tp.partition, 0) for tp in given])

    consumer.subscribe([topic], on_assign=assigned)
    positions, last_commit = {}, time.monotonic()
    with open(journal_path, "wb", buffering=1 << 16) as journal:
        while not stop:
            for message in consumer.consume(1000, 0.1):
                error = message.error()
                if error:
                    if error.code() in (confluent_kafka.KafkaError.OFFSET_OUT_OF_RANGE,
                                        confluent_kafka.KafkaError._AUTO_OFFSET_RESET):
                        sys.exit(f"an offset that was served is gone: {error}")
                    continue
                number = struct.unpack(">Q", message.value()[:8])[0]
                journal.write(ENTRY.pack(message.partition(), number, message.offset()))
                positions[(topic, message.partition())] = message.offset() + 1
            if time.monotonic() - last_commit > 1:
                journal.flush()
                commit(consumer, positions, journal_path + ".commits")
                last_commit = time.monotonic()
        commit(consumer, positions, journal_path + ".commits")
    consumer.close()


if __name__ == "__main__":
    main()
