#!/usr/bin/env python3
"""Groups: members come, die and leave while records flow; the Java tool lists, describes, resets and deletes."""

import os
import re
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "kit"))
import clients  # noqa: E402
import fetch_clients  # noqa: E402
from case import BrokerTest, committed_offsets, create_topic, run_tests, wait_until  # noqa: E402
from records import Records  # noqa: E402

PARTITIONS = 6
RECORDS = 6000


class Member:
    def __init__(self, test, name, topic, group, strategy, *instance):
        self.path = os.path.join(test.directory, f"{group}-{name}.journal")
        command = [fetch_clients.python(), os.path.join(HERE, "groups", "member.py"), test.broker.bootstrap, topic,
                   group, strategy, self.path, *instance]
        self.process = clients.start(command, self.path + ".log")
        test.addCleanup(lambda: self.process.poll() is None and self.process.kill())

    def lines(self, word):
        if not os.path.exists(self.path):
            return []
        with open(self.path, encoding="ascii") as file:
            return [tuple(map(int, line.split()[1:])) for line in file
                    if line.startswith(word + " ") and line.endswith("\n")]

    def assignments(self):
        """How often it was given partitions, or asked for them back."""
        return len(self.lines("assigned")) + len(self.lines("revoked"))

    def owned(self):
        """Partitions it was given and not yet asked to give back."""
        owned = set()
        if os.path.exists(self.path):
            with open(self.path, encoding="ascii") as file:
                for line in file:
                    word, *rest = line.split()
                    if word == "assigned":
                        owned |= set(map(int, rest))
                    elif word == "revoked":
                        owned -= set(map(int, rest))
        return owned

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0


class Rebalance(BrokerTest):
    def settled(self, members):
        """Each partition has exactly one owner and each member has some."""
        owned = [member.owned() for member in members]
        return all(owned) and sorted(p for one in owned for p in one) == list(range(PARTITIONS))

    def produce(self, topic, seed):
        base = int(time.time() * 1000) - 3_600_000
        clients.produce("librdkafka-2.15", self.broker, topic, Records(PARTITIONS, RECORDS, 50, seed, base), "none")

    def survive(self, strategy):
        topic = group = f"rebalance-{strategy}"
        create_topic(self.broker, topic, PARTITIONS)
        self.produce(topic, 1)
        members = [Member(self, name, topic, group, strategy) for name in ("a", "b", "c")]
        wait_until(lambda: self.settled(members), "three members share the partitions", 60)
        killed = members.pop(0)
        killed.process.kill()
        self.produce(topic, 2)
        wait_until(lambda: self.settled(members), "two members share the partitions of the killed one", 60)
        members.append(Member(self, "d", topic, group, strategy))
        wait_until(lambda: self.settled(members), "a new member gets its share", 60)
        self.produce(topic, 3)
        ends = {p: 3 * RECORDS // PARTITIONS for p in range(PARTITIONS)}
        wait_until(lambda: committed_offsets(self.broker, group, topic) == ends, "everything is read and committed", 60)
        for member in members:
            member.end()
        self.check_reads([killed, *members], ends)

    def check_reads(self, members, ends):
        reads = [entry for member in members for entry in member.lines("read")]
        for partition, end in ends.items():
            self.assertEqual({offset for p, offset in reads if p == partition}, set(range(end)))
        repeated = len(reads) - len(set(reads))
        # Only what was read and not yet committed may come again: one batch of 50 per partition that moved.
        self.assertLess(repeated, 50 * PARTITIONS * 4, "committed records came again")
        for member in members:
            for partition, offset in member.lines("committed"):
                self.assertLessEqual(offset, ends[partition])

    def test_partitions_of_a_killed_member_move_with_the_range_assignor(self):
        self.survive("range")

    def test_partitions_of_a_killed_member_move_with_the_cooperative_assignor(self):
        self.survive("cooperative-sticky")


class Static(BrokerTest):
    settled = Rebalance.settled
    produce = Rebalance.produce
    check_reads = Rebalance.check_reads

    def test_a_killed_static_member_returns_to_its_partitions_without_a_rebalance(self):
        topic = group = "static"
        create_topic(self.broker, topic, PARTITIONS)
        self.produce(topic, 1)
        killed, *others = [Member(self, name, topic, group, "range", name) for name in ("a", "b", "c")]
        wait_until(lambda: self.settled([killed, *others]), "three members share the partitions", 60)
        before, owned = [member.assignments() for member in others], killed.owned()
        killed.process.kill()
        killed.process.wait()
        self.produce(topic, 2)
        back = Member(self, "a-again", topic, group, "range", "a")
        wait_until(lambda: back.owned() == owned, "it has its partitions again", 5)  # its session lasts 6 s
        ends = {p: 2 * RECORDS // PARTITIONS for p in range(PARTITIONS)}
        wait_until(lambda: committed_offsets(self.broker, group, topic) == ends, "everything is read and committed", 60)
        self.assertEqual([member.assignments() for member in others], before, "the others were disturbed")
        for member in (back, *others):
            member.end()
        self.check_reads([killed, back, *others], ends)


class Tools(BrokerTest):
    GROUP = TOPIC = "tooled"

    def setUp(self):
        create_topic(self.broker, self.TOPIC, 3)
        base = int(time.time() * 1000) - 3_600_000
        clients.produce("librdkafka-2.15", self.broker, self.TOPIC, Records(3, 300, 50, 1, base), "none")
        clients.consume("librdkafka-2.15", self.broker, self.TOPIC, self.GROUP, 300)
        clients.produce("librdkafka-2.15", self.broker, self.TOPIC, Records(3, 30, 50, 2, base), "none")

    def rows(self):
        """{partition: (current offset, end offset, lag)} as the tool prints them."""
        out = clients.tool("groups", self.broker, "--describe", "--group", self.GROUP)
        pattern = re.compile(rf"^{self.GROUP}\s+{self.TOPIC}\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)", re.MULTILINE)
        return {int(p): (int(at), int(end), int(lag)) for p, at, end, lag in pattern.findall(out)}

    def test_the_java_tool_lists_describes_resets_and_deletes_a_group(self):
        self.assertIn(self.GROUP, clients.tool("groups", self.broker, "--list").split())
        self.assertEqual(self.rows(), {p: (100, 110, 10) for p in range(3)})
        state = clients.tool("groups", self.broker, "--describe", "--group", self.GROUP, "--state")
        self.assertIn("Empty", state)
        clients.tool("groups", self.broker, "--reset-offsets", "--group", self.GROUP, "--topic", self.TOPIC,
                     "--to-earliest", "--execute")
        self.assertEqual(self.rows(), {p: (0, 110, 110) for p in range(3)})
        clients.tool("groups", self.broker, "--reset-offsets", "--group", self.GROUP, "--topic", self.TOPIC,
                     "--shift-by", "7", "--execute")
        self.assertEqual(self.rows(), {p: (7, 110, 103) for p in range(3)})
        clients.tool("groups", self.broker, "--delete", "--group", self.GROUP)
        self.assertNotIn(self.GROUP, clients.tool("groups", self.broker, "--list").split())


class Restart(BrokerTest):
    def test_committed_offsets_and_groups_survive_kill_9(self):
        create_topic(self.broker, "kept", 3)
        base = int(time.time() * 1000) - 3_600_000
        clients.produce("librdkafka-2.15", self.broker, "kept", Records(3, 300, 50, 1, base), "none")
        clients.consume("librdkafka-2.15", self.broker, "kept", "kept-group", 300)
        self.broker.kill()
        self.broker.start()
        wait_until(lambda: committed_offsets(self.broker, "kept-group", "kept") == {p: 100 for p in range(3)},
                   "the offsets are back", 30)
        self.assertIn("kept-group", clients.tool("groups", self.broker, "--list").split())


if __name__ == "__main__":
    run_tests()
