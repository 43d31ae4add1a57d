#!/usr/bin/env python3
"""Everything in a bucket of MinIO, behind a proxy that misbehaves: producers and consumers go on, and nothing
acknowledged is lost, repeated or changed.

THALWEG_FAULT_SECONDS (default 3) is how long each fault acts; THALWEG_OUTAGE_SECONDS (default 12) how long the bucket is
gone; THALWEG_FAULT_SEED picks the requests that are hit. THALWEG_FAULTS are the faults to be tried, with ';' between them
(default: all).
"""

import os
import random
import sys
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "kit"), os.path.join(HERE, "crash")]
import batches  # noqa: E402
import calls  # noqa: E402
from broker import Broker, is_peer  # noqa: E402
import verify  # noqa: E402
from case import SLACK, FreshBrokerTest, create_topic, end_offsets, run_tests  # noqa: E402
from load import PARTITIONS, Load  # noqa: E402
from s3_servers import SECRET, Minio  # noqa: E402
from s3proxy import Faults, S3Proxy  # noqa: E402

SECONDS = float(os.environ.get("THALWEG_FAULT_SECONDS", "3"))
OUTAGE_SECONDS = float(os.environ.get("THALWEG_OUTAGE_SECONDS", "12"))
SEED = int(os.environ.get("THALWEG_FAULT_SEED", str(int(time.time()))))
RATE = 2000  # records/s of each producer
RESUME_SECONDS_MAX = 5
RSS_BYTES_MAX = 512 << 20
OFFLOAD_MS = 1000
STALL_SECONDS = 3  # of load while a third of the requests takes as long, which is what saved hedges last for
HIDDEN_SECONDS_MAX = 1
REQUESTS_MAX = 1.2  # times those that are no repetition, and a reserve of every store
REQUESTS_RESERVE = 50

# What reliability asks of a bad day at the object store.
FAULTS = {
    "latencies of S3 Standard": Faults(latency="standard"),
    "latencies of S3 Express": Faults(latency="express"),
    "503 to a tenth": Faults(slow_down=0.1),
    "lost replies": Faults(lost=0.05),
    "late apply": Faults(late=0.05),
    "resets": Faults(reset=0.15),
    "3 s on a third": Faults(stall=0.35),
    "1 MiB/s": Faults(bytes_per_second=1 << 20),
    "truncation": Faults(truncate=0.05),
    "flipped bits": Faults(flip=0.02),
    "all together": Faults(latency="express", slow_down=0.03, lost=0.03, late=0.03, reset=0.03, truncate=0.03, flip=0.01),
}
CHOSEN = os.environ.get("THALWEG_FAULTS", ";".join(FAULTS)).split(";")


@unittest.skipIf(is_peer(), "about the thalweg program")
class Faulty(FreshBrokerTest):
    def setUp(self):
        super().setUp()
        print(f"THALWEG_FAULT_SEED={SEED}", flush=True)
        self.server = self.enterContext(Minio(os.path.join(self.directory, "minio")))
        self.server.make_bucket("bucket")
        self.proxy = self.enterContext(S3Proxy(self.server, SEED))

    def broker(self, **settings):
        return Broker(os.path.join(self.directory, "broker"), {
            "thalweg.store": self.proxy.url("bucket", "store"), "thalweg.chunks": self.proxy.url("bucket", "log"),
            "thalweg.chunks.class": "express", "thalweg.offload.interval.ms": str(OFFLOAD_MS),
            "thalweg.memory.tail.bytes": str(8 << 20), "thalweg.block.cache.bytes": "0", **settings},
            environment=self.server.environment, diskless=True)

    def act(self, name, load, broker):
        """One fault for its time: both producers are acknowledged, and what was written so far can be read."""
        before, acks, shown = dict(self.proxy.done), load.acknowledged(), load.followed()
        self.proxy.faults = FAULTS[name]
        silence = load.longest_silence(SECONDS)
        load.wait_for_acks()
        if not self.proxy.faults.stall:  # many segments, one after the other
            verify.read_topic(broker.bootstrap, "plain", end_offsets(broker, "plain", PARTITIONS))
        hit = {key: count - before.get(key, 0) for key, count in self.proxy.done.items() if count != before.get(key, 0)}
        acked = min(count - acks[kind] for kind, count in load.acknowledged().items())
        read = min(count - shown[kind] for kind, count in load.followed().items())
        print(f"{name}: at least {acked} acknowledged, {read} shown; longest silence {silence:.2f} s; {hit}; "
              f"RSS {broker.rss_bytes() >> 20} MiB", flush=True)
        self.assertGreater(acked, 0)
        self.assertLess(broker.rss_bytes(), RSS_BYTES_MAX)

    def test_producers_and_consumers_go_on_whatever_the_store_does(self):
        load = Load(self, self.directory, RATE)
        with self.broker() as broker:
            broker.expect_alarm("corrupt|damaged|unreadable")  # flipped bits are told, as they must be
            load.start(broker)
            for name in CHOSEN:
                with self.subTest(name):
                    self.act(name, load, broker)
            self.proxy.faults = FAULTS["all together"]
            broker.kill()
            broker.start()
            load.wait_for_acks()
            self.proxy.faults = Faults()
            load.end(broker)
            load.check(broker, 1000)
            self.assertNotIn(SECRET, broker.log())
            for fault in ("slow_down", "lost", "late", "reset", "truncate", "flip", "stall"):
                if any(getattr(FAULTS[name], fault) for name in CHOSEN):
                    self.assertGreater(self.proxy.done[fault], 0, fault)

    def test_slow_requests_are_not_waited_for_and_a_fifth_more_are_sent_at_most(self):
        load = Load(self, self.directory, RATE)
        with self.broker() as broker:
            load.start(broker)
            usual = load.longest_silence(STALL_SECONDS)
            for share in (0.35, 0.1):
                calls, puts = len(self.proxy.nonces), self.proxy.done["puts"]
                self.proxy.faults = Faults(stall=share)
                silence = load.longest_silence(STALL_SECONDS)
                self.proxy.faults = Faults()
                print(f"3 s on {share:.0%}: longest silence {silence:.2f} s, otherwise {usual:.2f} s; "
                      f"{self.proxy.done['puts'] - puts} PUTs for {len(self.proxy.nonces) - calls}", flush=True)
                self.assertLess(silence, HIDDEN_SECONDS_MAX * SLACK + usual)
                load.longest_silence(STALL_SECONDS)
            load.end(broker)
            load.check(broker, 1000)
        puts, calls = self.proxy.done["puts"], len(self.proxy.nonces)
        print(f"{puts} PUTs for {calls}", flush=True)
        self.assertLessEqual(puts, REQUESTS_MAX * calls + 2 * REQUESTS_RESERVE)

    def test_a_total_outage_is_retriable_bounded_in_memory_and_over_when_the_bucket_is(self):
        load = Load(self, self.directory, RATE)
        with self.broker() as broker:
            load.start(broker)
            create_topic(broker, "flood")
            create_topic(broker, "untouched")
            with calls.Client(broker) as client:
                client.append("flood", batches.values(1))
            self.proxy.faults = Faults(slow_down=1)
            errors, rss_most, began = [], 0, time.monotonic()
            flood = threading.Thread(target=self.flood, args=(broker, errors, began + OUTAGE_SECONDS))
            flood.start()
            errors.append(self.produce_within_a_second(broker, "untouched", batches.build(batches.values(1))))
            while time.monotonic() < began + OUTAGE_SECONDS:
                rss_most = max(rss_most, broker.rss_bytes())
                time.sleep(0.2)
            flood.join()
            acks = load.acknowledged()
            self.proxy.faults = Faults()
            resumed = load.wait_for_acks()
            print(f"back after {resumed:.2f} s; RSS at most {rss_most >> 20} MiB; errors {sorted(set(errors))}",
                  flush=True)
            self.assertTrue(errors, "nobody was told")
            self.assertLessEqual(set(errors), RETRIABLE)
            self.assertLess(rss_most, RSS_BYTES_MAX)
            self.assertLess(resumed, RESUME_SECONDS_MAX * SLACK)
            self.assertGreater(min(acks.values()), 0)
            load.end(broker)
            load.check(broker, 1000)

    @staticmethod
    def produce_within_a_second(broker, topic, batch):
        with calls.Client(broker) as client:
            asked = client.produce_value({(topic, 0): batch}, 9)
            answer = client.call(calls.PRODUCE, 9, {**asked, "TimeoutMs": 1000})
            return answer["Responses"][0]["PartitionResponses"][0]["ErrorCode"]

    def flood(self, broker, errors, until):
        """Large batches from many connections, each of which waits a second for its answer."""
        value = random.Random(SEED).randbytes(512 << 10)
        batch = batches.build([batches.Record(value)])

        def one():
            while time.monotonic() < until:
                errors.append(self.produce_within_a_second(broker, "flood", batch))
        threads = [threading.Thread(target=one) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


RETRIABLE = {6, 7, 19, 20, 56}  # NOT_LEADER, REQUEST_TIMED_OUT, NOT_ENOUGH_REPLICAS (AFTER_APPEND), KAFKA_STORAGE_ERROR


if __name__ == "__main__":
    run_tests()
