"""Producers and followers that run beside a broker while a test does things to it, and what they must find in the end."""

import os
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "kit"), HERE]
import calls  # noqa: E402
import clients  # noqa: E402
import fetch_clients  # noqa: E402
import verify  # noqa: E402
from case import committed_offsets, create_topic, end_offsets, wait_until  # noqa: E402

PARTITIONS = 4
KINDS = ("idempotent", "plain")
FOLLOWERS = 2
CATCH_UP_SECONDS_MAX = 120


class Load:
    """A producer of each kind, at most `rate` records/s each, and two group members per topic. `test` owns the processes."""

    def __init__(self, test, directory, rate="0"):
        self.test, self.directory, self.rate = test, directory, str(rate)
        self.followers, self.producers = {}, {}

    def path(self, name):
        return os.path.join(self.directory, name)

    def run_program(self, name, file, *arguments):
        process = clients.start([fetch_clients.python(), os.path.join(HERE, file), *arguments],
                                self.path(name + ".log"))
        self.test.addCleanup(lambda: process.poll() is None and process.kill())
        return process

    def end_program(self, name, process):
        process.send_signal(signal.SIGTERM)
        code = process.wait(150)
        with open(self.path(name + ".log"), encoding="utf-8") as log:
            self.test.assertEqual(code, 0, f"{name}: {log.read()[-2000:]}")

    def start(self, broker):
        self.start_followers(broker)
        self.start_producers(broker)
        self.wait_for_acks()

    def start_followers(self, broker):
        """They share each topic before there is anything to read."""
        for kind in KINDS:
            create_topic(broker, kind, PARTITIONS)
            for path in self.journals(kind):
                name = os.path.basename(path) + "-follower"
                self.followers[name] = self.run_program(name, "follower.py", broker.bootstrap, kind, f"follows-{kind}",
                                                        path)
        wait_until(lambda: all(self.shared(kind) for kind in KINDS), "each group shares its topic", 60)

    def start_producers(self, broker):
        for kind in KINDS:
            self.producers[kind] = self.run_program(kind, "producer.py", broker.bootstrap, kind, str(PARTITIONS), kind,
                                                    self.rate, self.path(kind + ".acks"))

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

    def acknowledged(self):
        return {kind: verify.entries(self.path(kind + ".acks")) for kind in KINDS}

    def followed(self):
        return {kind: sum(verify.entries(path) for path in self.journals(kind)) for kind in KINDS}

    def wait_for_acks(self, seconds=60):
        """Until each producer was acknowledged something new; returns the seconds that took."""
        before, began = self.acknowledged(), time.monotonic()
        for kind in KINDS:
            wait_until(lambda kind=kind: self.acknowledged()[kind] > before[kind]
                       or self.producers[kind].poll() is not None, f"an acknowledgement to {kind}", seconds)
        return time.monotonic() - began

    def longest_silence(self, seconds):
        """Watches for so long; the longest time in which one producer was acknowledged nothing."""
        began = time.monotonic()
        counts, last, longest = self.acknowledged(), dict.fromkeys(KINDS, began), 0.0
        while (now := time.monotonic()) < began + seconds:
            time.sleep(0.02)
            counts, before = self.acknowledged(), counts
            for kind in KINDS:
                longest = max(longest, now - last[kind])
                if counts[kind] > before[kind]:
                    last[kind] = now
        return longest

    def end(self, broker, groups=None):
        """Ends the producers, then the followers, once they saw everything; their groups are still as they were."""
        for name, process in self.producers.items():
            self.end_program(name, process)
        began, acknowledged = time.monotonic(), self.acknowledged()
        wait_until(lambda: all(self.followed()[kind] >= count for kind, count in acknowledged.items()),
                   "the followers saw everything", CATCH_UP_SECONDS_MAX)
        print(f"followers at the end {time.monotonic() - began:.1f} s after the producers", flush=True)
        if groups is not None:
            self.test.assertEqual(self.groups(broker), groups, "a group was rebalanced")
        for name, process in self.followers.items():
            self.end_program(name, process)

    def check(self, broker, least):
        """Nothing acknowledged is lost, repeated (idempotent) or changed; at least so many were."""
        for kind in KINDS:
            ends = end_offsets(broker, kind, PARTITIONS)
            found = verify.read_topic(broker.bootstrap, kind, ends)
            acknowledged = verify.check_acknowledged(self.path(kind + ".acks"), found)
            seen = sum(verify.check_followed(path, found) for path in self.journals(kind))
            if kind == "idempotent":
                verify.check_exactly_once(found)
                self.test.assertEqual(acknowledged, sum(ends.values()), "records that nobody was told of")
            else:
                verify.check_complete(found)
            self.test.assertGreater(acknowledged, least, "too few records to prove anything")
            self.test.assertGreaterEqual(seen, acknowledged, "the followers missed some")
            self.check_commits(broker, kind)
            print(f"{kind}: {acknowledged} acknowledged, {sum(ends.values())} held, {seen} followed", flush=True)

    def check_commits(self, broker, kind):
        committed = committed_offsets(broker, f"follows-{kind}", kind)
        for path in self.journals(kind):
            with open(path + ".commits", encoding="ascii") as file:
                for line in file:
                    partition, offset = map(int, line.split())
                    self.test.assertEqual(committed.get(partition), offset, f"the commit of {kind} [{partition}]")
