#!/usr/bin/env python3
"""Every client library writes, and it and a second one read back, byte for byte: keys, values, headers, timestamps,
offsets, nulls and empties. Sizes: THALWEG_CLIENT_SMALL (default 50000) and THALWEG_CLIENT_LARGE (default 50) records;
THALWEG_CLIENT_CODECS=all runs every codec instead of one per client in rotation.
"""

import glob
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "kit"))
import batches  # noqa: E402
import calls  # noqa: E402
import clients  # noqa: E402
import fetch_clients  # noqa: E402
from case import BrokerTest, committed_offsets, create_topic, end_offsets, run_tests  # noqa: E402
from clients import CODECS  # noqa: E402
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


def codec_used(broker, topic, partition=0):
    """That of the first compressed batch, among the first hundred. A client may leave one alone that does not get
    smaller, as random letters do not with snappy and lz4."""
    offset = 0
    with calls.Client(broker) as client:
        for _ in range(100):
            asked = {"Topic": topic, "Partition": partition, "FetchOffset": offset, "PartitionMaxBytes": 1}
            fetched = client.fetch(asked, version=11)[0]["Records"]
            if not fetched:
                break
            batch = batches.parse_all(fetched)[0]
            if batch.attributes & 7:
                return CODECS[batch.attributes & 7]
            offset = batch.next_offset
    return "none"


class Clients(BrokerTest):
    def exchange(self, name, codec, count, size):
        topic = f"{name}-{codec}-{size}"
        create_topic(self.broker, topic, PARTITIONS)
        base = int(time.time() * 1000) - 3_600_000
        records = Records(PARTITIONS, count, size, 7 + size, base,
                          null_headers=name not in clients.WITHOUT_NULL_HEADERS)
        clients.produce(name, self.broker, topic, records, codec)
        if size == SMALL_BYTES:
            self.assertEqual(codec_used(self.broker, topic), codec)
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


class Versions(unittest.TestCase):
    """What runs is what is pinned, and what is pinned is what is promised: the program or its library tells."""

    def test_java_is_4_3_1_and_3_9_1(self):
        for version in ("4.3.1", "3.9.1"):
            jars = os.path.join(fetch_clients.CLIENTS, f"kafka-{version}", "lib", "kafka-clients-*.jar")
            self.assertEqual([os.path.basename(path) for path in glob.glob(jars)], [f"kafka-clients-{version}.jar"])

    def test_librdkafka_is_2_15_and_debians_2_0_2_and_kcat_1_7_1(self):
        self.assertRegex(clients.call("librdkafka-2.15", "version"), r"^2\.15\.")
        self.assertEqual(clients.call("librdkafka-2.0", "version"), "2.0.2\n")
        kcat = subprocess.run(["kcat", "-V"], stdout=subprocess.PIPE, text=True, check=True).stdout
        self.assertRegex(kcat, r"Version 1\.7\.1 .*librdkafka 2\.0\.2 ")

    def test_the_python_libraries_are_those_required(self):
        with open(os.path.join(fetch_clients.SOURCES, "requirements.txt"), encoding="ascii") as file:
            pinned = dict(line.strip().split("==") for line in file)
        self.assertEqual({name: importlib.metadata.version(name) for name in pinned}, pinned)
        self.assertRegex(pinned["kafka-python"], r"^3\.0\.")
        self.assertLessEqual({"aiokafka", "confluent-kafka"}, set(pinned))

    def test_kafkajs_is_the_one_required(self):
        with open(os.path.join(fetch_clients.SOURCES, "kafkajs", "package.json"), encoding="utf-8") as file:
            pinned = json.load(file)["dependencies"]
        for name, version in pinned.items():
            with open(os.path.join(fetch_clients.node_path(), name, "package.json"), encoding="utf-8") as file:
                self.assertEqual(json.load(file)["version"], version)
        self.assertIn("kafkajs", pinned)

    def test_the_go_libraries_are_those_required(self):
        with open(os.path.join(fetch_clients.SOURCES, "go", "go.mod"), encoding="ascii") as file:
            pinned = dict(re.findall(r"^\s(\S+) (v\S+)$", file.read(), re.MULTILINE))
        for client, module in (("franz_go", "github.com/twmb/franz-go"), ("sarama", "github.com/IBM/sarama")):
            with open(fetch_clients.program(client), "rb") as file:  # Go writes what it linked into its programs
                self.assertIn(f"dep\t{module}\t{pinned[module]}".encode(), file.read())


if __name__ == "__main__":
    run_tests()
