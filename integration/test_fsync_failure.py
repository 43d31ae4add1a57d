#!/usr/bin/env python3
"""The disk refuses to sync: strace makes every fdatasync and fsync fail with EIO from some call on. From that moment
nothing is acknowledged, and what was acknowledged before is there after a restart."""

import os
import re
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "kit"))
import clients  # noqa: E402
import wire  # noqa: E402
from broker import Broker, in_bucket, is_peer  # noqa: E402
from case import SLACK, FreshBrokerTest, create_topic, run_tests, wait_until  # noqa: E402

FAIL_FROM_CALL = 400
TRY_AFTER_SECONDS = 3
FENCED_SECONDS_MAX = 1


@unittest.skipIf(is_peer(), "Apache Kafka does not sync before it acknowledges")
@unittest.skipIf(in_bucket(), "about files that are synced")
class FsyncFailure(FreshBrokerTest):
    def first_injection(self, trace):
        """Seconds since the epoch at which the first call began that was made to fail; it must be a sync of the log."""
        began = {}  # thread -> its last call; a line may hold only the end of one
        with open(trace, encoding="ascii", errors="replace") as file:
            for line in file:
                thread, at, rest = line.split(maxsplit=2)
                if call := re.match(r"(\w+)\(\d+<([^>]*)>", rest):
                    began[thread] = (float(at), call.group(1), os.path.splitext(call.group(2))[1])
                if "(INJECTED)" in rest:
                    at, *what = began[thread]
                    self.assertEqual(what, ["fdatasync", ".log"])
                    return at
        self.fail("no sync was made to fail: does the broker sync at all?")

    def produce_one(self, broker, number):
        """(sent at, answered at, error code); error None when the connection ended or nobody listened."""
        sent = time.time()
        try:
            with wire.Connection(broker, 5) as connection:
                error, _ = wire.produce(connection, "synced", 0, wire.record_batch([b"%d" % number]), timeout_ms=2000)
                return sent, time.time(), error
        except (OSError, AssertionError):
            return sent, time.time(), None

    def test_nothing_is_acknowledged_after_a_failed_sync(self):
        trace = os.path.join(self.directory, "trace")
        directory = os.path.join(self.directory, "broker")
        broker = Broker(directory, prefix=[
            "strace", "-f", "-y", "-ttt", "-e", "trace=fdatasync,fsync", "-e", "signal=none", "-o", trace,
            "-e", f"inject=fdatasync,fsync:error=EIO:when={FAIL_FROM_CALL}+"])
        broker.expect_alarm(".*")
        broker.start()
        self.addCleanup(lambda: broker.running() and broker.kill())
        create_topic(broker, "synced")
        acknowledged, attempts, refused_since = [], [], None
        for number in range(20 * FAIL_FROM_CALL):
            attempts.append((number, *self.produce_one(broker, number)))
            if attempts[-1][3] == 0:
                acknowledged.append(number)
            elif refused_since is None:
                refused_since = time.time()
            if refused_since and time.time() > refused_since + TRY_AFTER_SECONDS:
                break
        injected = self.first_injection(trace)
        self.assertGreater(len(acknowledged), 10)
        # One request at a time: what was under way when the sync failed waited for that very sync.
        under_way = [number for number, sent, answered, _ in attempts if sent < injected < answered]
        self.assertEqual(under_way, [len(acknowledged)], "the failed sync was of no request")
        late = [number for number, _, answered, error in attempts if error == 0 and answered > injected]
        self.assertEqual(late, [], "acknowledged after the first failed sync")
        first_refused = next(answered for _, _, answered, error in attempts if error != 0)
        self.assertLess(first_refused - injected, FENCED_SECONDS_MAX * SLACK)
        if broker.running():
            broker.kill()
        self.check_after_restart(directory, acknowledged)

    def check_after_restart(self, directory, acknowledged):
        again = Broker(directory)
        again.expect_alarm(".*")  # the log file is the same one
        with again:
            wait_until(again.running, "the broker is up")
            read = clients.kcat(again, "-t", "synced", "-C", "-e", "-q", "-o", "beginning", "-f", "%s\n")
            held = [int(line) for line in read.splitlines()]
            self.assertEqual(held[: len(acknowledged)], acknowledged)
            self.assertLessEqual(len(held), len(acknowledged) + 2, "unacknowledged records that were in flight at most")


if __name__ == "__main__":
    run_tests()
