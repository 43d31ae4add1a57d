#!/usr/bin/env python3
"""Three members of a group while one is killed and another comes, with the assignors each library has by default."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "kit"), HERE]
import clients  # noqa: E402
import test_groups  # noqa: E402
from case import BrokerTest, committed_offsets, create_topic, run_tests, wait_until  # noqa: E402
from test_groups import PARTITIONS, RECORDS  # noqa: E402


class Member(test_groups.Member):
    def __init__(self, test, client, name, group):
        self.path = os.path.join(test.directory, f"{group}-{name}.journal")
        command = [*clients.CLIENTS[client][0], "member", test.broker.bootstrap, group, group, self.path]
        self.process = clients.start(command, self.path + ".log")
        test.addCleanup(lambda: self.process.poll() is None and self.process.kill())

    def end(self):
        self.process.terminate()
        assert self.process.wait(60) in (0, 143), self.process.returncode  # a JVM tells the signal it ended by


class GroupClients(BrokerTest):
    settled = test_groups.Rebalance.settled
    produce = test_groups.Rebalance.produce
    check_reads = test_groups.Rebalance.check_reads

    def survive(self, *libraries):
        """Members of the libraries in turn; the first is killed and one of its kind comes instead."""
        group = "-".join(libraries)
        create_topic(self.broker, group, PARTITIONS)
        self.produce(group, 1)
        members = [Member(self, libraries[n % len(libraries)], str(n), group) for n in range(3)]
        wait_until(lambda: self.settled(members), "three members share the partitions", 60)
        killed = members.pop(0)
        killed.process.kill()
        self.produce(group, 2)
        wait_until(lambda: self.settled(members), "two members share the partitions of the killed one", 60)
        members.append(Member(self, libraries[0], "3", group))
        wait_until(lambda: self.settled(members), "a new member gets its share", 60)
        self.produce(group, 3)
        ends = {p: 3 * RECORDS // PARTITIONS for p in range(PARTITIONS)}
        wait_until(lambda: committed_offsets(self.broker, group, group) == ends, "everything is read and committed", 60)
        for member in members:
            member.end()
        self.check_reads([killed, *members], ends)

    def test_partitions_of_a_killed_member_move_between_java_3_9_clients(self):
        self.survive("java-3.9")

    def test_partitions_of_a_killed_java_4_3_client_move_to_it_and_3_9(self):
        self.survive("java-4.3", "java-3.9")

    def test_partitions_of_a_killed_member_move_between_franz_go_clients(self):
        self.survive("franz-go")


if __name__ == "__main__":
    run_tests()
