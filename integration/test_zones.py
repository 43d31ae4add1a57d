#!/usr/bin/env python3
"""The log in three zones of S3, segments and metadata in a fourth server: one zone killed, slow, emptied, replaced.
Producers never stop for a second, and nothing acknowledged is lost, repeated or changed.

THALWEG_ZONE_SECONDS (default 2) is how long each trouble lasts.
"""

import os
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "kit"), os.path.join(HERE, "crash")]
from broker import Broker, binary, is_peer  # noqa: E402
from case import SLACK, FreshBrokerTest, run_tests, wait_until  # noqa: E402
from load import Load  # noqa: E402
from s3_servers import Minio  # noqa: E402
from s3proxy import Faults, S3Proxy  # noqa: E402

SECONDS = float(os.environ.get("THALWEG_ZONE_SECONDS", "2"))
RATE = 2000  # records/s of each producer
STALL_SECONDS = 3  # of each request to a slow zone
SILENCE_SECONDS_MAX = 1
NOTICE_SECONDS_MAX = 15  # the marker of a zone that is written to is read every ten
REDUNDANT_SECONDS_MAX = 60
SEAL_BYTES = 4096  # as MinIO keeps it; chunks are longer
BUCKET = "bucket"


@unittest.skipIf(is_peer(), "about the thalweg program")
class Zones(FreshBrokerTest):
    def setUp(self):
        super().setUp()
        self.region, *self.zones = (self.enterContext(Minio(os.path.join(self.directory, name)))
                                    for name in ("region", "a", "b", "c"))
        for server in (self.region, *self.zones):
            server.make_bucket(BUCKET)
        self.proxies = [self.enterContext(S3Proxy(zone, n)) for n, zone in enumerate(self.zones)]
        self.broker = Broker(os.path.join(self.directory, "broker"), {
            "thalweg.store": self.region.url(BUCKET), "thalweg.chunks": ",".join(self.urls()),
            "thalweg.chunks.class": "express"}, environment=self.region.environment)

    def urls(self):
        return [proxy.url(BUCKET, "log") for proxy in self.proxies]

    def empty(self, zone):
        """Its disk is replaced by an empty one."""
        zone.kill()
        zone.remove_objects()
        zone.start()
        zone.make_bucket(BUCKET)

    def replace(self, index, *chunks):
        command = [binary(), "store", "replace", self.urls()[index], "--store", self.region.url(BUCKET)]
        for url in chunks or self.urls():
            command += ["--chunks", url]
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False,
                              env={**self.region.environment, "PATH": os.environ["PATH"]})

    def chunks(self, zone):
        """{(epoch, key)} of the chunks a zone has."""
        return {(key.split("/")[-2], key) for key, size in zone.objects(BUCKET, "log/c").items() if size > SEAL_BYTES}

    def goes_on(self, load, what, seconds=SECONDS):
        silence = load.longest_silence(seconds)
        print(f"{what}: longest silence {silence:.2f} s", flush=True)
        self.assertLess(silence, SILENCE_SECONDS_MAX * SLACK, what)

    def test_no_trouble_of_one_zone_stops_producers_or_costs_a_record(self):
        a, b, c = self.zones
        load = Load(self, self.directory, RATE)
        with self.broker as broker:
            broker.expect_alarm("chunk replica is lost")
            load.start(broker)
            self.goes_on(load, "all is well")
            a.kill()
            self.goes_on(load, "one zone is killed")
            a.start()
            self.proxies[1].faults = Faults(stall=1, stall_seconds=STALL_SECONDS)
            self.goes_on(load, "another is slow", 2 * SECONDS)
            self.proxies[1].faults = Faults()
            time.sleep(STALL_SECONDS)  # what it had taken is still slow, and this is about one zone at a time
            self.empty(c)
            self.goes_on(load, "the third is emptied")
            wait_until(lambda: "it was emptied" in broker.log(), "a line about the emptied zone", NOTICE_SECONDS_MAX)
            self.goes_on(load, "it does not vote")
            broker.kill()
            broker.start()
            load.wait_for_acks()
            before = self.chunks(c)
            self.goes_on(load, "after a kill -9 before the repair")
            self.assertLessEqual(self.chunks(c), before, "the emptied zone is written to")
            self.replace_third(load, broker, before)
            a.kill()
            self.goes_on(load, "the first is killed: the new one is needed")
            a.start()
            load.end(broker)
            load.check(broker, 1000)

    def replace_third(self, load, broker, garbage):
        """By the operator's command. Redundant are chunks in all three zones, once those that two have are in segments."""
        self.assertIn("none of --chunks", self.replace(2, *self.urls()[:2], "file:///some/where").stdout)
        self.assertIn("replica 2,", self.replace(0).stdout)
        done = self.replace(2)
        self.assertEqual(done.returncode, 0, done.stdout)
        again = self.replace(2)
        self.assertEqual(again.returncode, 1)
        self.assertIn("is not lost", again.stdout)
        self.goes_on(load, "store replace beside the broker")
        began = time.monotonic()
        broker.stop()
        broker.start()
        load.wait_for_acks()

        def redundant():
            epochs = [{epoch for epoch, _ in self.chunks(zone) - garbage} for zone in self.zones]
            return all(len(found) == 1 for found in epochs) and len(set.union(*epochs)) == 1

        wait_until(redundant, "chunks of the newest epoch alone, in every zone", REDUNDANT_SECONDS_MAX)
        print(f"redundant again {time.monotonic() - began:.1f} s after the broker was stopped", flush=True)


if __name__ == "__main__":
    run_tests()
