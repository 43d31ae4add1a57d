#!/usr/bin/env python3
"""kcat writes the records all clients write, as far as its lines can carry them, and it and librdkafka read them back.

A line holds a key and a value; headers, codec and whether an empty field means null are options, so each partition has
its own. Sizes as in test_clients.
"""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "kit"))
import clients  # noqa: E402
from case import BrokerTest, create_topic, run_tests  # noqa: E402
from clients import CODECS  # noqa: E402
from records import Digest, Records  # noqa: E402
from test_clients import LARGE_BYTES, LARGE_RECORDS, SMALL_BYTES, SMALL_RECORDS, codec_used  # noqa: E402

# partition -> its headers; the codec is CODECS[partition], empty is null but in the last one.
HEADERS = ([], [("h0", b"v0")], [("h0", b""), ("h1", b"v1")], [("h0", None)], [("h0", b"v"), ("h0", b"w")])
EMPTY_IS_NULL = (True, True, True, True, False)
FORMAT = "%o\t%T\t%K\t%k\t%S\t%s\n"


def header_option(name, value):
    return name if value is None else f"{name}={value.decode()}"


class Kcat(BrokerTest):
    def write(self, topic, partition, records):
        options = [option for header in HEADERS[partition] for option in ("-H", header_option(*header))]
        options += ["-Z"] if EMPTY_IS_NULL[partition] else []
        lines = (b"%s\t%s\n" % (record.key or b"", record.value or b"") for record in records)
        clients.kcat(self.broker, "-P", "-t", topic, "-p", str(partition), "-K", "\\t", "-z", CODECS[partition],
                     *options, stdin=b"".join(lines).decode(), seconds=clients.CLIENT_SECONDS_MAX)

    def check(self, topic, partition, records, began, digest):
        """What kcat shows of a partition; the timestamps, which were kcat's, go into the digest with the rest."""
        shown = clients.kcat(self.broker, "-C", "-e", "-q", "-t", topic, "-p", str(partition), "-o", "beginning",
                             "-f", FORMAT, seconds=clients.CLIENT_SECONDS_MAX).splitlines()
        self.assertEqual(len(shown), len(records))
        nothing = None if EMPTY_IS_NULL[partition] else b""
        for offset, (line, record) in enumerate(zip(shown, records)):
            key, value = record.key or nothing, record.value or nothing
            at, timestamp, key_length, shown_key, length, shown_value = line.split("\t")
            self.assertEqual((int(at), int(key_length), int(length)),
                             (offset, *(-1 if field is None else len(field) for field in (key, value))))
            self.assertTrue(shown_key.encode() == (key or b"") and shown_value.encode() == (value or b""), record.index)
            self.assertTrue(began <= int(timestamp) <= time.time() * 1000)
            digest.add(partition, offset, int(timestamp), key, value, HEADERS[partition])

    def exchange(self, count, size):
        topic, began = f"kcat-{size}", int(time.time() * 1000)
        create_topic(self.broker, topic, len(CODECS))
        records, digest = Records(len(CODECS), count, size, 7 + size, began), Digest()
        for partition in range(len(CODECS)):
            mine = [records.record(index) for index in range(partition, count, len(CODECS))]
            self.write(topic, partition, mine)
            if size == SMALL_BYTES:
                self.assertEqual(codec_used(self.broker, topic, partition), CODECS[partition])
            self.check(topic, partition, mine, began, digest)
        read = clients.consume("librdkafka-2.15", self.broker, topic, topic, count)
        self.assertEqual(read, digest.lines())

    def test_small_records_in_every_codec(self):
        self.exchange(SMALL_RECORDS, SMALL_BYTES)

    def test_large_records_in_every_codec(self):
        self.exchange(LARGE_RECORDS, LARGE_BYTES)

    def test_headers_are_shown(self):
        create_topic(self.broker, "headers", len(HEADERS))
        for partition, headers in enumerate(HEADERS):
            options = [option for header in headers for option in ("-H", header_option(*header))]
            clients.kcat(self.broker, "-P", "-t", "headers", "-p", str(partition), *options, stdin="v\n")
            shown = clients.kcat(self.broker, "-C", "-e", "-q", "-t", "headers", "-p", str(partition), "-f", "%h")
            self.assertEqual(shown, ",".join(f"{name}={'NULL' if value is None else value.decode()}"
                                             for name, value in headers))

    def test_the_first_use_of_a_topic_creates_it(self):
        clients.kcat(self.broker, "-t", "first-use", "-P", "-p", "0", stdin="one\ntwo\n")
        read = clients.kcat(self.broker, "-t", "first-use", "-C", "-e", "-q", "-o", "beginning", "-f", "%o %s\n")
        self.assertEqual(read, "0 one\n1 two\n")

    def test_it_lists_the_cluster(self):
        create_topic(self.broker, "listed", 4)
        listing = clients.kcat(self.broker, "-L", "-t", "listed")
        self.assertIn('topic "listed" with 4 partitions', listing)

    def test_it_finds_an_offset_by_time(self):
        create_topic(self.broker, "timed")
        base = int(time.time() * 1000) - 60_000
        clients.produce("confluent-kafka", self.broker, "timed", Records(1, 100, 50, 1, base), "none")
        found = clients.kcat(self.broker, "-Q", "-t", f"timed:0:{base + 40}")
        self.assertIn("timed [0] offset 40", found)


if __name__ == "__main__":
    run_tests()
