#!/usr/bin/env python3
"""Every client library writes, and it and a second one read back, byte for byte: keys, values, headers, timestamps,
offsets, nulls and empties. Sizes: THALWEG_CLIENT_SMALL (default 50000) and THALWEG_CLIENT_LARGE (default 50) records;
THALWEG_CLIENT_CODECS=all runs every codec instead of one per client in rotation.
"""

import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "kit"))
import clients  # noqa: E402
from case import BrokerTest, committed_offsets, create_topic, end_offsets, run_tests  # noqa: E402
from records import Records  # noqa: E402

SMALL_RECORDS = int(os.environ.get("THALWEG_CLIENT_SMALL", "50000"))
LARGE_RECORDS = int(os.environ.get("THALWEG_CLIENT_LARGE", "50"))
ALL_CODECS = os.environ.get("THALWEG_CLIENT_CODECS") == "all"
SMALL_BYTES = 200
LARGE_BYTES = 900 * 1024
PARTITIONS = 3
# The second reader: not the library that wrote, and one that reads every codec.
OTHER_READER = {"librdkafka-2.15": "java-4.3"}


def codecs_of(name):
    codecs = clients.CLIENTS[name][1]
    if ALL_CODECS:
        return codecs
    return [codecs[(list(clients.CLIENTS).index(name) + 1) % len(codecs)]]


class Clients(BrokerTest):
    def exchange(self, name, codec, count, size):
        topic = f"{name}-{codec}-{size}"
        create_topic(self.broker, topic, PARTITIONS)
        base = int(time.time() * 1000) - 3_600_000
        records = Records(PARTITIONS, count, size, 7 + size, base,
                          null_headers=name not in clients.WITHOUT_NULL_HEADERS)
        clients.produce(name, self.broker, topic, records, codec)
        expected = records.digest()
        ends = end_offsets(self.broker, topic, PARTITIONS)
        self.assertEqual(sum(ends.values()), count)
        for reader in (name, OTHER_READER.get(name, "librdkafka-2.15")):
            with self.subTest(reader=reader, codec=codec, size=size):
                group = f"{reader}-reads-{topic}"
                self.assertEqual(clients.consume(reader, self.broker, topic, group, count), expected)
                self.assertEqual(committed_offsets(self.broker, group, topic), ends)

    def exchange_all(self, name):
        for codec in codecs_of(name):
            self.exchange(name, codec, SMALL_RECORDS, SMALL_BYTES)
            self.exchange(name, codec, LARGE_RECORDS, LARGE_BYTES)


def _add_test(name):
    def test(self):
        self.exchange_all(name)

    setattr(Clients, "test_" + name.replace("-", "_").replace(".", "_"), test)


for _name in clients.CLIENTS:
    _add_test(_name)


class Kcat(BrokerTest):
    def test_kcat_writes_and_reads_with_auto_created_topic(self):
        lines = [f"line {n}" for n in range(1000)]
        clients.kcat(self.broker, "-t", "kcat", "-P", "-p", "0", stdin="\n".join(lines) + "\n")
        read = clients.kcat(self.broker, "-t", "kcat", "-C", "-e", "-q", "-o", "beginning", "-f", "%o %s\n")
        self.assertEqual(read.splitlines(), [f"{n} line {n}" for n in range(1000)])

    def test_kcat_lists_the_cluster(self):
        create_topic(self.broker, "listed", 4)
        listing = clients.kcat(self.broker, "-L", "-t", "listed")
        self.assertIn('topic "listed" with 4 partitions', listing)

    def test_kcat_finds_an_offset_by_time(self):
        create_topic(self.broker, "timed")
        base = int(time.time() * 1000) - 60_000
        clients.produce("confluent-kafka", self.broker, "timed", Records(1, 100, 50, 1, base), "none")
        found = clients.kcat(self.broker, "-Q", "-t", f"timed:0:{base + 40}")
        self.assertIn("timed [0] offset 40", found)


if __name__ == "__main__":
    run_tests()
