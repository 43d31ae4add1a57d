#!/usr/bin/env python3
"""kill -9 under load: no acknowledged record is lost, moved, repeated (idempotent) or shown and then taken back, and
groups go on: the same members keep the same partitions, and no offset is reset.

THALWEG_CRASH_ROUNDS (default 5) kills, each 1-5 s after the last restart; THALWEG_CRASH_RATE bounds each producer in
records/s (default 0: as fast as it can); THALWEG_CRASH_SEED picks the moments.
"""

import os
import random
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "kit"), os.path.join(HERE, "crash")]
from broker import Broker, is_peer  # noqa: E402
from case import FreshBrokerTest, run_tests  # noqa: E402
from load import Load  # noqa: E402

ROUNDS = int(os.environ.get("THALWEG_CRASH_ROUNDS", "5"))
RATE = os.environ.get("THALWEG_CRASH_RATE", "0")
SEED = int(os.environ.get("THALWEG_CRASH_SEED", str(int(time.time()))))
UNAVAILABLE_SECONDS_MAX = 10


class Crash(FreshBrokerTest):
    def test_no_acknowledged_record_is_lost_or_repeated_by_kill_9(self):
        print(f"THALWEG_CRASH_SEED={SEED}", flush=True)
        moments, load = random.Random(SEED), Load(self, self.directory, RATE)
        with Broker(os.path.join(self.directory, "broker")) as broker:
            load.start_followers(broker)
            groups = load.groups(broker)
            load.start_producers(broker)
            load.wait_for_acks()
            gaps, starts = [], []
            for _ in range(ROUNDS):
                time.sleep(moments.uniform(1, 5))
                broker.kill()
                broker.start()
                starts.append(broker.listening_seconds)
                gaps.append(broker.listening_seconds + load.wait_for_acks())
            print(f"from exec to serving: {max(starts):.2f} s at most; to the next ack of both producers: median "
                  f"{sorted(gaps)[len(gaps) // 2]:.2f} s, at most {max(gaps):.2f} s", flush=True)
            load.end(broker, groups)
            load.check(broker, 1000 * ROUNDS)
            if not is_peer():
                self.assertLess(max(gaps), UNAVAILABLE_SECONDS_MAX)


if __name__ == "__main__":
    run_tests()
