#!/usr/bin/env python3
"""Produces as fast as it can until SIGTERM, then flushes. Every acknowledgement goes to a journal.

    producer.py BOOTSTRAP TOPIC PARTITIONS idempotent|plain RATE JOURNAL

Record n of a partition holds n (8 bytes, big endian) and padding. The journal is a sequence of (partition u32,
number u64, offset u64), little endian, in the order of the acknowledgements. RATE is records/s, 0 = no limit.
"""

import signal
import struct
import sys
import time

import confluent_kafka
from verify import ENTRY, PADDING


class Producer:
    def __init__(self, bootstrap, idempotent, journal):
        self.stopping = False
        self.journal = open(journal, "wb", buffering=1 << 16)
        self.last_flush = 0.0
        self.client = confluent_kafka.Producer({
            "bootstrap.servers": bootstrap, "enable.idempotence": idempotent, "acks": "all", "linger.ms": 2,
            "message.timeout.ms": 0 if idempotent else 300_000, "message.send.max.retries": 10_000_000,
            "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 200, "retry.backoff.ms": 20,
            "queue.buffering.max.messages": 50_000, "log_level": 2})

    def delivered(self, error, message):
        if error:
            print(f"not acknowledged: {error}", flush=True)
            self.failed = True
            return
        self.journal.write(ENTRY.pack(message.partition(), struct.unpack(">Q", message.value()[:8])[0],
                                      message.offset()))

    def poll(self, seconds):
        self.client.poll(seconds)
        now = time.monotonic()
        if now - self.last_flush > 0.05:
            self.last_flush = now
            self.journal.flush()

    def run(self, topic, partitions, rate):
        self.failed = False
        number, began = 0, time.monotonic()
        while not self.stopping and not self.failed:
            for partition in range(partitions):
                while True:
                    try:
                        self.client.produce(topic, struct.pack(">Q", number) + PADDING, partition=partition,
                                            on_delivery=self.delivered)
                        break
                    except BufferError:
                        self.poll(0.01)
            number += 1
            if number % 100 == 0:
                self.poll(0)
            while rate and number * partitions > rate * (time.monotonic() - began) and not self.stopping:
                self.poll(0.002)
        left = self.client.flush(120)
        self.journal.close()
        print(f"{number} records to each of {partitions} partitions, {left} unanswered", flush=True)
        sys.exit(1 if left or self.failed else 0)


def main():
    bootstrap, topic, partitions, kind, rate, journal = sys.argv[1:]
    producer = Producer(bootstrap, kind == "idempotent", journal)
    signal.signal(signal.SIGTERM, lambda *_: setattr(producer, "stopping", True))
    producer.run(topic, int(partitions), int(rate))


if __name__ == "__main__":
    main()
