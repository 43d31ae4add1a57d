#!/usr/bin/env python3
"""The log in object stores, one or three: kill -9, a zone that is emptied, and what is refused."""

import os
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "kit"))
import clients  # noqa: E402
from broker import Broker, binary, is_peer  # noqa: E402
from case import FreshBrokerTest, create_topic, run_tests, wait_until  # noqa: E402
from files import file_bytes  # noqa: E402
from ports import free_port  # noqa: E402

PARTITIONS = 3
NEVER_MS = 3_600_000  # what was written stays in the log
SEAL_BYTES = 256


@unittest.skipIf(is_peer(), "about the thalweg program")
class Chunks(FreshBrokerTest):
    def zone(self, name):
        return os.path.join(self.directory, "zones", name)

    def urls(self, *names):
        return ",".join("file://" + self.zone(name) for name in names)

    def broker(self, *zones, offload_ms=NEVER_MS, **settings):
        return Broker(self.directory, {"thalweg.chunks": self.urls(*zones), "thalweg.chunks.class": "express",
                                       "thalweg.offload.interval.ms": str(offload_ms), **settings})

    def write(self, broker, first, count):
        clients.kcat(broker, "-P", "-t", "t", stdin="".join(f"{n}\n" for n in range(first, first + count)))

    def assert_reads(self, broker, count):
        shown = clients.kcat(broker, "-C", "-e", "-q", "-t", "t", "-o", "beginning")
        self.assertEqual(sorted(int(line) for line in shown.split()), list(range(count)))

    def chunks(self, zone):
        """Files of chunks; SEALs and the marker are shorter."""
        found = file_bytes(os.path.join(self.zone(zone), "objects", "c"))
        return [path for path, size in found.items() if size > SEAL_BYTES]

    def refused(self, *arguments):
        """Runs a broker on this test's directory to its end, which must come by itself."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("THALWEG_")}
        done = subprocess.run([binary(), "serve", "--data", os.path.join(self.directory, "data"),
                               "--listen", f"127.0.0.1:{free_port()}", *arguments],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False, env=inherited)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def test_one_store_holds_the_log_over_a_kill(self):
        with self.broker("a") as broker:
            create_topic(broker, "t", PARTITIONS)
            self.write(broker, 0, 1000)
            self.assertTrue(self.chunks("a"))
            broker.kill()
            broker.start()
            self.assert_reads(broker, 1000)
            self.write(broker, 1000, 500)
            broker.stop()
            broker.start()
            self.assert_reads(broker, 1500)
            self.assertEqual(os.listdir(os.path.join(broker.directory, "data", "log")), ["lock"])

    def test_an_emptied_zone_of_three_costs_nothing_and_is_not_used_again(self):
        with self.broker("a", "b", "c") as broker:
            broker.expect_alarm("chunk replica is lost")
            create_topic(broker, "t", PARTITIONS)
            self.write(broker, 0, 1000)
            broker.kill()
            shutil.rmtree(self.zone("b"))
            broker.start()
            self.assertIn("it was emptied", broker.log())
            self.assert_reads(broker, 1000)
            self.write(broker, 1000, 1000)
            self.assertTrue(self.chunks("a") and self.chunks("c"))
            self.assertEqual(self.chunks("b"), [])
            broker.kill()
            broker.start()
            self.assert_reads(broker, 2000)

    def test_a_zone_emptied_under_a_running_broker_costs_nothing(self):
        with self.broker("a", "b", "c") as broker:
            broker.expect_alarm("chunk replica is lost")
            create_topic(broker, "t", PARTITIONS)
            self.write(broker, 0, 1000)
            shutil.rmtree(os.path.join(self.zone("a"), "objects", "c"))
            self.write(broker, 1000, 1000)
            broker.kill()
            broker.start()
            self.assert_reads(broker, 2000)

    def test_chunks_leave_every_zone_once_their_records_are_in_segments(self):
        with self.broker("a", "b", "c", offload_ms=200) as broker:
            create_topic(broker, "t", PARTITIONS)
            self.write(broker, 0, 1000)
            wait_until(lambda: not any(self.chunks(zone) for zone in "abc"), "empty zones")
            self.assert_reads(broker, 1000)

    def test_what_is_not_the_log_of_the_metadata_is_refused(self):
        with self.broker("a", "b", "c") as broker:
            create_topic(broker, "t", PARTITIONS)
            self.write(broker, 0, 100)
            in_use = self.refused("--chunks", "file://" + self.zone("x"))
            self.assertIn("data directory is in use", in_use)
            broker.stop()
        self.assertIn("a log of class express, and nothing says where", self.refused())
        express = [f"file://{self.zone(zone)}?class=express" for zone in "axy"]
        self.assertIn("has 3 replicas, got 1", self.refused("--chunks", express[0]))
        other = [argument for url in express for argument in ("--chunks", url)]
        self.assertIn("its log is not the one the metadata knows", self.refused(*other))
        self.assertEqual(self.chunks("x"), [])
        with self.broker("a", "b", "c") as broker:
            self.assert_reads(broker, 100)

    def test_a_place_that_makes_no_sense_is_told_at_the_start(self):
        a, b = ("file://" + self.zone(zone) for zone in "ab")
        self.assertIn("one store or three are needed, got 2", self.refused("--chunks", a, "--chunks", b))
        self.assertIn("named twice", self.refused("--chunks", a, "--chunks", b, "--chunks", a))
        self.assertIn("already named", self.refused("--chunks", a, "--chunks", b, "--chunks", a + "/"))
        self.assertIn("neither s3://", self.refused("--chunks", "/a/directory"))
        self.assertIn("neither s3://", self.refused("--chunks", "file://host/directory"))
        self.assertIn("class 'fast' of a store", self.refused("--chunks", a + "?class=fast"))
        self.assertIn("named twice", self.refused("--chunks", a, "--chunks", a + "?class=express"))
        self.assertIn("only one of: standard", self.refused("--chunks", a, "--set", "thalweg.storage.class=express"))

    def replace(self, zone, *zones):
        """The command of the operator, who says no class."""
        command = [binary(), "store", "replace", self.urls(zone), "--data", os.path.join(self.directory, "data")]
        for one in zones:
            command += ["--chunks", self.urls(one)]
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False,
                              env={key: value for key, value in os.environ.items() if not key.startswith("THALWEG_")})

    def test_of_two_logs_the_one_is_replaced_in_that_is_on_the_other_stores(self):
        logs = {"standard": "abc", "express": "xyz"}
        chunks = ",".join(f"{self.urls(zone)}?class={name}" for name, zones in logs.items() for zone in zones)
        with self.broker(**{"thalweg.chunks": chunks, "thalweg.chunks.class": "standard"}) as broker:
            for name in logs:
                create_topic(broker, name, 1, {"thalweg.storage.class": name})
                clients.kcat(broker, "-P", "-t", name, stdin="before\n")
            self.assertIn("stop the broker first", self.replace("y", "x", "y", "z").stdout)
            broker.stop()
            for zone in "by":
                shutil.rmtree(self.zone(zone))
            for mixed in ("aby", "zyx"):
                done = self.replace(mixed[1], *mixed)
                self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn("is not the store that is known in its place", self.replace("y", *"ayx").stdout)
            for name, zones in logs.items():
                done = self.replace(zones[1], *zones)
                self.assertEqual(done.returncode, 0, done.stdout)
                self.assertIn("is not lost", self.replace(zones[1], *zones).stdout)
            broker.start()
            for name, zones in logs.items():
                clients.kcat(broker, "-P", "-t", name, stdin="after\n")
                # Two of the three acknowledged; the new one may be the third.
                wait_until(lambda zone=zones[1]: self.chunks(zone), f"a chunk of {name} in its new zone")
                shown = clients.kcat(broker, "-C", "-e", "-q", "-t", name, "-o", "beginning")
                self.assertEqual(shown.split(), ["before", "after"], name)


if __name__ == "__main__":
    run_tests()
