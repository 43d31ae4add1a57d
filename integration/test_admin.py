#!/usr/bin/env python3
"""Apache Kafka's own command-line tools against the broker: topics, configs, versions, the console producer and
consumer; a topic of a thousand partitions."""

import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "kit"))
import clients  # noqa: E402
from broker import is_peer  # noqa: E402
from case import BrokerTest, end_offsets, run_tests  # noqa: E402
from records import Records  # noqa: E402

MANY = 1000


class Topics(BrokerTest):
    def topics(self, *arguments):
        return clients.tool("topics", self.broker, *arguments)

    def describe(self, topic):
        """(head line fields, number of partition lines)."""
        out = self.topics("--describe", "--topic", topic)
        head = re.search(rf"Topic: {topic}\s+TopicId: (\S+)\s+PartitionCount: (\d+)\s+ReplicationFactor: (\d+)\s+"
                         r"Configs: ?(\S*)", out)
        self.assertIsNotNone(head, out)
        return head.groups(), len(re.findall(r"^\s*Topic: .*Partition: \d+\s+Leader: \d+", out, re.MULTILINE))

    def test_a_topic_is_created_described_grown_and_deleted(self):
        self.topics("--create", "--topic", "admin", "--partitions", "3", "--config", "retention.ms=86400000")
        (first_id, count, _, configs), lines = self.describe("admin")
        self.assertEqual((count, lines), ("3", 3))
        self.assertIn("retention.ms=86400000", configs)
        self.topics("--alter", "--topic", "admin", "--partitions", "5")
        self.assertEqual(self.describe("admin")[1], 5)
        again = clients.tool("topics", self.broker, "--create", "--topic", "admin", check=False)
        self.assertIn("already exists", again)
        base = int(time.time() * 1000) - 3_600_000
        clients.produce("librdkafka-2.15", self.broker, "admin", Records(5, 500, 50, 1, base), "none")
        offsets = clients.tool("offsets", self.broker, "--topic", "admin")
        self.assertEqual(offsets.split(), [f"admin:{p}:100" for p in range(5)])
        self.topics("--delete", "--topic", "admin")
        self.assertNotIn("admin", self.topics("--list").split())
        self.topics("--create", "--topic", "admin", "--partitions", "1")
        (second_id, *_), _ = self.describe("admin")
        self.assertNotEqual(first_id, second_id)
        self.assertEqual(end_offsets(self.broker, "admin", 1), {0: 0})

    def test_a_name_that_is_not_legal_is_refused(self):
        for name in ("no/slash", ".", "x" * 250):
            out = clients.tool("topics", self.broker, "--create", "--topic", name, check=False)
            self.assertIn("Exception", out)
            self.assertNotIn("Created topic", out)

    def test_topic_configs_are_set_at_creation_and_described(self):
        self.topics("--create", "--topic", "configured", "--config", "cleanup.policy=compact",
                    "--config", "retention.bytes=1000000", "--config", "max.message.bytes=2000000")
        entity = ("--entity-type", "topics", "--entity-name", "configured")
        described = clients.tool("configs", self.broker, "--describe", *entity)
        for setting in ("retention.bytes=1000000", "max.message.bytes=2000000", "cleanup.policy=compact"):
            self.assertIn(setting, described)
        everything = clients.tool("configs", self.broker, "--describe", "--all", *entity)
        for key in ("segment.bytes", "min.insync.replicas", "message.timestamp.type", "delete.retention.ms"):
            self.assertIn(key + "=", everything)
        wrong = clients.tool("topics", self.broker, "--create", "--topic", "refused", "--config", "no.such.key=1",
                             check=False)
        self.assertIn("no.such.key", wrong)

    def test_a_topic_of_a_thousand_partitions_takes_and_gives_records(self):
        began = time.monotonic()
        self.topics("--create", "--topic", "wide", "--partitions", str(MANY))
        self.assertEqual(self.describe("wide")[1], MANY)
        created = time.monotonic() - began
        records = Records(MANY, 20 * MANY, 100, 3, int(time.time() * 1000) - 3_600_000)
        clients.produce("librdkafka-2.15", self.broker, "wide", records, "lz4")
        read = clients.consume("librdkafka-2.15", self.broker, "wide", "wide", records.count)
        self.assertEqual(read, records.digest())
        print(f"created and described in {created:.1f} s", flush=True)
        self.topics("--delete", "--topic", "wide")


class ToolVersions(BrokerTest):
    """The tools of every Java release that is in the matrix."""

    def tool(self, name, *arguments, **more):
        return clients.tool(name, self.broker, *arguments, **more)

    def use(self, version):
        topic = group = f"console-{version}"
        self.tool("topics", "--create", "--topic", topic, "--partitions", "2", version=version)
        self.tool("console-producer", "--topic", topic, "--property", "parse.key=true", stdin="a\tone\nb\ttwo\n",
                  version=version)
        read = self.tool("console-consumer", "--topic", topic, "--group", group, "--from-beginning", "--property",
                         "print.key=true", "--max-messages", "2", "--timeout-ms", "20000", version=version)
        self.assertEqual({"a\tone", "b\ttwo"} - set(read.splitlines()), set(), read)
        described = self.tool("groups", "--describe", "--group", group, version=version)
        lags = re.findall(rf"^{group}\s+{topic}\s+\d+\s+(\d+)\s+(\d+)\s+0\s", described, re.MULTILINE)
        self.assertEqual(sum(int(at) for at, _ in lags), 2, described)
        self.assertEqual([at for at, _ in lags], [end for _, end in lags])
        versions = self.tool("api-versions", version=version)
        self.assertIn("Produce(0)", versions)
        self.assertNotIn("UNSUPPORTED", versions.split("Fetch(1)")[0])

    def test_the_tools_of_4_3_create_write_read_and_describe(self):
        self.use("4.3.1")

    def test_the_tools_of_3_9_create_write_read_and_describe(self):
        self.use("3.9.1")


if __name__ == "__main__":
    run_tests()
