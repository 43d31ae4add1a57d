#!/usr/bin/env python3
"""After very many commits a restart serves groups at once: what was committed long ago is not read again.

THALWEG_COMMITS (default 100) requests of 10,000 partitions each; 1,000 make the ten million of the long form.
"""

import os
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "kit"))
import calls  # noqa: E402
from broker import Broker, in_bucket, is_peer  # noqa: E402
from case import SLACK, FreshBrokerTest, run_tests  # noqa: E402

REQUESTS = int(os.environ.get("THALWEG_COMMITS", "100"))
PARTITIONS = 10_000
IN_FLIGHT = 4
GROUP = TOPIC = "many"
SERVING_SECONDS_MAX = 10 if in_bucket() else 1  # there the lease of the killed one has to run out first
VERSION = 2  # the one with the shortest partitions, and with retention, which -1 leaves to the broker


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


def commit_request(correlation, offset):
    """An OffsetCommit without a generation, for every partition."""
    partition = struct.Struct(">iqh")  # index, offset, metadata
    body = text(GROUP) + struct.pack(">i", -1) + text("") + struct.pack(">qi", -1, 1) + text(TOPIC)
    body += struct.pack(">i", PARTITIONS) + b"".join(partition.pack(p, offset, 0) for p in range(PARTITIONS))
    frame = struct.pack(">hhi", calls.OFFSET_COMMIT, VERSION, correlation) + text("integration") + body
    return struct.pack(">i", len(frame)) + frame


class Commits(FreshBrokerTest):
    def commit(self, broker):
        with calls.Client(broker, 120) as client:
            accepted = struct.pack(">i", 1) + text(TOPIC) + struct.pack(">i", PARTITIONS)
            accepted += b"".join(struct.pack(">ih", p, calls.NONE) for p in range(PARTITIONS))
            for n in range(REQUESTS + IN_FLIGHT):
                if n < REQUESTS:
                    client.send(commit_request(n, n))
                if n >= IN_FLIGHT:
                    self.assertEqual(client.receive(), struct.pack(">i", n - IN_FLIGHT) + accepted)

    def check_offsets(self, client):
        answer = client.call(calls.OFFSET_FETCH, 7, {"GroupId": GROUP, "Topics": [
            {"Name": TOPIC, "PartitionIndexes": list(range(PARTITIONS))}]})
        self.assertEqual(answer["ErrorCode"], calls.NONE)
        found = {p["PartitionIndex"]: p["CommittedOffset"] for p in answer["Topics"][0]["Partitions"]}
        self.assertEqual(found, {p: REQUESTS - 1 for p in range(PARTITIONS)})

    def test_a_restart_after_many_commits_serves_groups_within_a_second(self):
        with Broker(self.directory) as broker:
            with calls.Client(broker) as client:
                client.create(TOPIC, PARTITIONS)
            began = time.monotonic()
            self.commit(broker)
            committing = time.monotonic() - began
            broker.kill()
            broker.start()
            began = time.monotonic()
            with calls.Client(broker) as client:
                while client.committed(GROUP, TOPIC, PARTITIONS - 1)["CommittedOffset"] != REQUESTS - 1:
                    self.assertLess(time.monotonic(), began + 60)  # Kafka loads after it listens
                serving = broker.listening_seconds + time.monotonic() - began
                self.check_offsets(client)
                start = client.list_offset("__consumer_offsets", -2)["Offset"]
            print(f"{REQUESTS * PARTITIONS} commits in {committing:.1f} s; {serving:.2f} s from exec to the first "
                  f"fetched offset; the log begins at {start}", flush=True)
            if not is_peer():
                self.assertGreater(start, 0, "the log of commits was never shortened")
                self.assertLess(serving, SERVING_SECONDS_MAX * SLACK)


if __name__ == "__main__":
    run_tests()
