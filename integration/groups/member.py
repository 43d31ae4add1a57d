#!/usr/bin/env python3
"""A group member that journals what it was given and commits after each batch, until SIGTERM.

    member.py BOOTSTRAP TOPIC GROUP STRATEGY JOURNAL [INSTANCE]

With INSTANCE it is a static member. Lines of the journal: "assigned P P ...", "revoked P P ...", "read P OFFSET", "committed P OFFSET".
"""

import signal
import sys

import confluent_kafka


def main():
    bootstrap, topic, group, strategy, path, *instance = sys.argv[1:]
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    with open(path, "w", buffering=1, encoding="ascii") as journal:

        def note(word):
            return lambda _, partitions: journal.write(f"{word} {' '.join(str(tp.partition) for tp in partitions)}\n")

        consumer = confluent_kafka.Consumer({
            "bootstrap.servers": bootstrap, "group.id": group, "partition.assignment.strategy": strategy,
            "auto.offset.reset": "earliest", "enable.auto.commit": False, "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 500, "log_level": 2, **({"group.instance.id": instance[0]} if instance else {})})
        consumer.subscribe([topic], on_assign=note("assigned"), on_revoke=note("revoked"))
        while not stop:
            batch = [m for m in consumer.consume(50, 0.2) if not m.error()]
            ends = {}
            for message in batch:
                journal.write(f"read {message.partition()} {message.offset()}\n")
                ends[message.partition()] = message.offset() + 1
            if not ends:
                continue
            wanted = [confluent_kafka.TopicPartition(topic, p, offset) for p, offset in ends.items()]
            try:
                for done in consumer.commit(offsets=wanted, asynchronous=False):
                    if not done.error:
                        journal.write(f"committed {done.partition} {done.offset}\n")
            except confluent_kafka.KafkaException as error:
                journal.write(f"refused {error.args[0].name()}\n")  # lost the partition meanwhile
        consumer.close()


if __name__ == "__main__":
    main()
