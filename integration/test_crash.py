#!/usr/bin/env python3
"""kill -9 under load: no acknowledged record is lost, moved, repeated (idempotent) or shown and then taken back, and
groups go on: the same members keep the same partitions, and no offset is reset.

THALWEG_CRASH_ROUNDS (default 5) kills, each 1-5 s after the last restart; THALWEG_CRASH_RATE bounds each producer in
records/s (default 0: as fast as it can); THALWEG_CRASH_SEED picks the moments.
"""

import os
import random
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "kit"), os.path.join(HERE, "crash")]
import calls  # noqa: E402
import clients  # noqa: E402
import fetch_clients  # noqa: E402
import verify  # noqa: E402
from broker import Broker, is_peer  # noqa: E402
from case import FreshBrokerTest, committed_offsets, create_topic, end_offsets, run_tests, wait_until  # noqa: E402

ROUNDS = int(os.environ.get("THALWEG_CRASH_ROUNDS", "5"))
RATE = os.environ.get("THALWEG_CRASH_RATE", "0")
SEED = int(os.environ.get("THALWEG_CRASH_SEED", str(int(time.time()))))
PARTITIONS = 4
KINDS = ("idempotent", "plain")
FOLLOWERS = 2
UNAVAILABLE_SECONDS_MAX = 10


class Crash(FreshBrokerTest):
    def path(self, name):
        return os.path.join(self.directory, name)

    def run_program(self, name, file, *arguments):
        process = clients.start([fetch_clients.python(), os.path.join(HERE, "crash", file), *arguments],
                                self.path(name + ".log"))
        self.addCleanup(lambda: process.poll() is None and process.kill())
        return process

    def end_program(self, name, process):
        process.send_signal(signal.SIGTERM)
        code = process.wait(150)
        with open(self.path(name + ".log"), encoding="utf-8") as log:
            self.assertEqual(code, 0, f"{name}: {log.read()[-2000:]}")

    def start_followers(self, broker):
        """Two members per topic, which share it before there is anything to read."""
        processes = {}
        for kind in KINDS:
            create_topic(broker, kind, PARTITIONS)
            for path in self.journals(kind):
                name = os.path.basename(path) + "-follower"
                processes[name] = self.run_program(name, "follower.py", broker.bootstrap, kind, f"follows-{kind}", path)
        wait_until(lambda: all(self.shared(kind) for kind in KINDS), "each group shares its topic", 60)
        return processes

    def start_producers(self, broker):
        return {kind: self.run_program(kind, "producer.py", broker.bootstrap, kind, str(PARTITIONS), kind, RATE,
                                       self.path(kind + ".acks")) for kind in KINDS}

    def journals(self, kind):
        return [self.path(f"{kind}.seen.{n}") for n in range(FOLLOWERS)]

    def assignments(self, kind):
        """What each member was given, one line each time."""
        found = []
        for path in self.journals(kind):
            with open(path + ".assigned", "a+", encoding="ascii") as file:
                file.seek(0)
                found.append(file.read().splitlines())
        return found

    def shared(self, kind):
        newest = [lines[-1].split() for lines in self.assignments(kind) if lines]
        return len(newest) == FOLLOWERS and sorted(p for one in newest for p in one) == [
            str(p) for p in range(PARTITIONS)]

    def groups(self, broker):
        """{kind: (member ids, what they were given)}: the same before and after, or the group did not go on."""
        with calls.Client(broker) as client:
            return {kind: (sorted(m["MemberId"] for m in client.describe_group(f"follows-{kind}")["Members"]),
                           self.assignments(kind)) for kind in KINDS}

    def wait_for_acks(self, processes):
        """Until each producer was acknowledged something new; returns the seconds that took."""
        before = {kind: verify.entries(self.path(kind + ".acks")) for kind in KINDS}
        began = time.monotonic()
        for kind in KINDS:
            wait_until(lambda kind=kind: verify.entries(self.path(kind + ".acks")) > before[kind]
                       or processes[kind].poll() is not None, f"an acknowledgement to {kind}", 60)
        return time.monotonic() - began

    def check(self, broker):
        for kind in KINDS:
            ends = end_offsets(broker, kind, PARTITIONS)
            found = verify.read_topic(broker.bootstrap, kind, ends)
            acknowledged = verify.check_acknowledged(self.path(kind + ".acks"), found)
            seen = sum(verify.check_followed(path, found) for path in self.journals(kind))
            if kind == "idempotent":
                verify.check_exactly_once(found)
                self.assertEqual(acknowledged, sum(ends.values()), "records that nobody was told of")
            else:
                verify.check_complete(found)
            self.assertGreater(acknowledged, 1000 * ROUNDS, "too few records to prove anything")
            self.assertGreater(seen, acknowledged // 10, "the follower hardly followed")
            self.check_commits(broker, kind)
            print(f"{kind}: {acknowledged} acknowledged, {sum(ends.values())} held, {seen} followed", flush=True)

    def check_commits(self, broker, kind):
        committed = committed_offsets(broker, f"follows-{kind}", kind)
        for path in self.journals(kind):
            with open(path + ".commits", encoding="ascii") as file:
                for line in file:
                    partition, offset = map(int, line.split())
                    self.assertEqual(committed.get(partition), offset, f"the commit of {kind} [{partition}]")

    def test_no_acknowledged_record_is_lost_or_repeated_by_kill_9(self):
        print(f"THALWEG_CRASH_SEED={SEED}", flush=True)
        moments = random.Random(SEED)
        with Broker(self.path("broker")) as broker:
            followers = self.start_followers(broker)
            groups = self.groups(broker)
            producers = self.start_producers(broker)
            self.wait_for_acks(producers)
            gaps, starts = [], []
            for _ in range(ROUNDS):
                time.sleep(moments.uniform(1, 5))
                broker.kill()
                broker.start()
                starts.append(broker.listening_seconds)
                gaps.append(broker.listening_seconds + self.wait_for_acks(producers))
            print(f"from exec to serving: {max(starts):.2f} s at most; to the next ack of both producers: median "
                  f"{sorted(gaps)[len(gaps) // 2]:.2f} s, at most {max(gaps):.2f} s", flush=True)
            for name, process in producers.items():
                self.end_program(name, process)
            self.assertEqual(self.groups(broker), groups, "a group was rebalanced")
            for name, process in followers.items():
                self.end_program(name, process)
            self.check(broker)
            if not is_peer():
                self.assertLess(max(gaps), UNAVAILABLE_SECONDS_MAX)


if __name__ == "__main__":
    run_tests()
