#!/usr/bin/env python3
"""Segments and metadata in real S3 servers: MinIO and Ceph's gateway, started here on loopback."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "kit"))
import clients  # noqa: E402
from broker import Broker, binary, is_peer  # noqa: E402
from case import SLACK, BucketTest, create_topic, run_tests, wait_until  # noqa: E402
from ports import free_port  # noqa: E402
from s3_servers import SECRET, Minio, Radosgw, S3rver, S3Stub  # noqa: E402
from s3proxy import Faults, S3Proxy  # noqa: E402

PARTITIONS = 3
OFFLOAD_MS = 200
RESUME_SECONDS_MAX = 5
STOP_SECONDS_MAX = 20


class StubWithoutLatency(S3Stub):
    def __init__(self, directory):
        super().__init__(directory, os.path.join(os.path.dirname(binary()), "s3_stub"), "--class", "none")


class Contract(unittest.TestCase):
    """The contract of every object store, by the test program of tests/streamcore/object_store/s3; and the check of a store,
    which tells what ETags are there."""

    def hold(self, kind, etags):
        directory = tempfile.mkdtemp(prefix="thalweg-")
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        program = os.path.join(os.path.dirname(binary()), "tests/streamcore/object_store/s3/s3_real_server")
        with kind(directory) as server:
            done = subprocess.run([program, "--gtest_brief=1", f"--gtest_filter=*:-{kind.CONTRACT_EXCEPT}"],
                                  env={**os.environ, **server.environment, "THALWEG_S3_ENDPOINT": server.endpoint},
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240, check=False)
            server.make_bucket("checked")
            checked = run_to_end(server, "store", "check", server.url("checked"))
        self.assertEqual(done.returncode, 0, done.stdout[-4000:])
        self.assertEqual(checked.returncode, 0, checked.stdout)
        self.assertIn(etags, checked.stdout)

    def test_minio_keeps_it(self):
        self.hold(Minio, "ETags, which nothing here relies on: in quotes, the MD5 of the content; If-Match takes them in quotes and without")

    def test_radosgw_keeps_it(self):
        self.hold(Radosgw, "in quotes, the MD5 of the content; If-Match takes them without quotes only")

    def test_the_stub_keeps_it(self):
        self.hold(StubWithoutLatency, "in quotes, not the MD5 of the content; If-Match is ignored")


def run_to_end(server, *arguments, **environment):
    """Runs the program, which must end by itself; nothing secret may be said."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("THALWEG_")}
    done = subprocess.run([binary(), *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=60, check=False, env={**inherited, **server.environment, **environment})
    assert SECRET not in done.stdout, done.stdout
    return done


@unittest.skipIf(is_peer(), "about the thalweg program")
class WithoutConditions(unittest.TestCase):
    def test_a_server_that_ignores_conditions_is_refused(self):
        directory = tempfile.mkdtemp(prefix="thalweg-")
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        with S3rver(os.path.join(directory, "s3rver")) as server:
            checked = run_to_end(server, "store", "check", server.url(server.BUCKET))
            self.assertEqual(checked.returncode, 1, checked.stdout)
            self.assertIn("BROKEN", checked.stdout)
            served = run_to_end(server, "serve", "--data", directory, "--listen", f"127.0.0.1:{free_port()}",
                                "--store", server.url(server.BUCKET))
            self.assertEqual(served.returncode, 1, served.stdout)
            for done in (checked, served):
                self.assertIn("it ignores conditions", done.stdout)


@unittest.skipIf(is_peer(), "about the thalweg program")
class Clocks(BucketTest):
    def test_clocks_that_disagree_are_told_and_beyond_15_minutes_refused(self):
        with S3Proxy(self.server) as proxy:
            url = proxy.url(self.bucket)
            for ahead, code, said in ((0, 0, "ok      the clocks"), (120, 0, "WARNING this machine's clock is 1"),
                                      (1000, 1, "BROKEN  the clocks"), (-1000, 1, "ahead of that of the server")):
                proxy.faults = Faults(clock_ahead=ahead)
                checked = run_to_end(self.server, "store", "check", url)
                self.assertEqual(checked.returncode, code, checked.stdout)
                self.assertIn(said, checked.stdout)
            served = run_to_end(self.server, "serve", "--listen", f"127.0.0.1:{free_port()}", "--store", url)
            self.assertEqual(served.returncode, 1, served.stdout)
            self.assertIn("ahead of that of the server: here it is", served.stdout)


@unittest.skipIf(is_peer(), "about the thalweg program")
class Tls(unittest.TestCase):
    def test_a_server_is_believed_by_its_certificate_only(self):
        directory = tempfile.mkdtemp(prefix="thalweg-")
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        with Minio(directory, tls=True) as server:
            server.make_bucket("bucket")
            url = server.url("bucket")
            refused = run_to_end(server, "store", "check", url)
            self.assertEqual(refused.returncode, 1, refused.stdout)
            self.assertIn("certificate", refused.stdout)
            for said in ((url + "&ca-bundle=" + server.ca_file, {}), (url, {"AWS_CA_BUNDLE": server.ca_file})):
                done = run_to_end(server, "store", "check", said[0], **said[1])
                self.assertEqual(done.returncode, 0, done.stdout)


@unittest.skipIf(is_peer(), "about the thalweg program")
class InBucket(BucketTest):
    """Brokers over one MinIO, each with a bucket of its own."""

    def broker(self, **settings):
        return Broker(os.path.join(self.directory, self.bucket),
                      {"thalweg.store": self.server.url(self.bucket, "some/where"),
                       "thalweg.offload.interval.ms": str(OFFLOAD_MS), "thalweg.log.file.bytes": str(16 << 20),
                       **settings}, environment=self.server.environment)

    def objects(self):
        """How many segments the bucket has."""
        return len(self.server.objects(self.bucket, "some/where/segment"))

    def write(self, broker, topic, first, count):
        lines = "".join(f"{n}\n" for n in range(first, first + count))
        clients.kcat(broker, "-P", "-t", topic, stdin=lines)

    def read(self, broker, topic):
        shown = clients.kcat(broker, "-C", "-e", "-q", "-t", topic, "-o", "beginning")
        return sorted(int(line) for line in shown.split())

    def wait_offloaded(self, more_than=0):
        wait_until(lambda: self.objects() > more_than, "segments in the bucket")

    def test_records_outlive_a_stop_and_a_kill(self):
        with self.broker() as broker:
            create_topic(broker, "t", PARTITIONS)
            self.write(broker, "t", 0, 1000)
            self.wait_offloaded()
            self.assertEqual(self.read(broker, "t"), list(range(1000)))
            broker.stop()
            broker.start()
            self.assertEqual(self.read(broker, "t"), list(range(1000)))
            before = self.objects()
            self.write(broker, "t", 1000, 1000)
            self.wait_offloaded(more_than=before)
            self.write(broker, "t", 2000, 1000)  # perhaps in the log only
            broker.kill()
            broker.start()
            self.assertEqual(self.read(broker, "t"), list(range(3000)))
            self.assertFalse(os.path.exists(os.path.join(broker.directory, "data", "objects")))
            self.assertNotIn(SECRET, broker.log())

    def test_with_the_log_in_the_bucket_an_emptied_directory_loses_nothing(self):
        chunks = {"thalweg.chunks": self.server.url(self.bucket, "log"), "thalweg.chunks.class": "express"}
        with self.broker(**chunks) as broker:
            create_topic(broker, "t", PARTITIONS)
            for first in (0, 1000, 2000):
                self.write(broker, "t", first, 1000)
                broker.kill()
                shutil.rmtree(os.path.join(broker.directory, "data"))
                broker.start()
                self.assertEqual(self.read(broker, "t"), list(range(first + 1000)))

    def test_an_outage_of_the_bucket_costs_nothing_and_is_over_when_it_is(self):
        from confluent_kafka import Consumer, Producer
        failed = []
        with self.broker(**{"thalweg.block.cache.bytes": "0"}) as broker:
            create_topic(broker, "t", PARTITIONS)
            self.write(broker, "t", 0, 1000)
            self.wait_offloaded()
            time.sleep(3 * OFFLOAD_MS / 1000)
            broker.stop()
            broker.start()  # nothing is in memory now
            producer = Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 5})
            consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "g",
                                 "auto.offset.reset": "earliest"})
            consumer.subscribe(["t"])
            self.server.kill()
            for n in range(1000, 1500):
                producer.produce("t", str(n), on_delivery=lambda error, _: error and failed.append(error))
                producer.poll(0)
                time.sleep(0.004)
            self.assertEqual([m for m in consumer.consume(10, 1) if m.error()], [])
            wait_until(lambda: "object store fails" in broker.log(), "a line about the outage")
            self.server.start()
            began, seen = time.monotonic(), set()
            while len(seen) < 1500 and time.monotonic() < began + 30:
                seen.update(int(m.value()) for m in consumer.consume(500, 0.2) if not m.error())
            took = time.monotonic() - began
            self.assertEqual(producer.flush(30), 0)
            consumer.close()
            self.assertEqual(failed, [], "only what may be tried again")
            self.assertEqual(seen, set(range(1500)))
            self.assertLess(took, RESUME_SECONDS_MAX * SLACK)
            self.assertEqual(broker.log().count("object store fails"), 1)
            self.assertIn("object store answers again", broker.log())

    def test_it_stops_within_seconds_while_the_bucket_hangs(self):
        with self.broker() as broker:
            create_topic(broker, "t", PARTITIONS)
            self.write(broker, "t", 0, 100)
            self.server.pause()
            try:
                time.sleep(3 * OFFLOAD_MS / 1000)  # an offload is under way
                self.write(broker, "t", 100, 100)
                began = time.monotonic()
                self.assertEqual(broker.stop(expect=None), 1)
                self.assertLess(time.monotonic() - began, STOP_SECONDS_MAX)
            finally:
                self.server.resume()
            self.assertIn("ending without a clean close", broker.log())
            broker.start()
            self.assertEqual(self.read(broker, "t"), list(range(200)))

    def refused(self, url, data="data", **environment):
        """Runs a broker to its end, which must come by itself and with one line."""
        done = run_to_end(self.server, "serve", "--data", os.path.join(self.directory, self.bucket, data),
                          "--listen", f"127.0.0.1:{free_port()}", "--store", url, **environment)
        self.assertEqual(done.returncode, 1, done.stdout)
        lines = [line for line in done.stdout.splitlines() if line.startswith("thalweg: ")]
        self.assertEqual(len(lines), 1, done.stdout)
        return lines[0]

    def test_a_store_that_can_be_trusted_passes_the_check(self):
        done = run_to_end(self.server, "store", "check", self.server.url(self.bucket, "p"))
        self.assertEqual((done.returncode, done.stdout.count("ok  ")), (0, 6), done.stdout)
        self.assertEqual(run_to_end(self.server, "store", "check", "s3://no/such?thing").returncode, 2)

    def test_what_cannot_work_is_told_at_the_start(self):
        os.makedirs(os.path.join(self.directory, self.bucket), exist_ok=True)
        url = self.server.url(self.bucket)
        wrong = "canary-of-the-wrong-secret"
        line = self.refused(url, AWS_SECRET_ACCESS_KEY=wrong)
        self.assertIn("HTTP 403 SignatureDoesNotMatch", line)
        self.assertNotIn(wrong, line)
        self.assertIn("HTTP 404 NoSuchBucket", self.refused(self.server.url("no-such-bucket")))
        self.assertIn("no credentials; looked for", self.refused(
            url, AWS_ACCESS_KEY_ID="", AWS_SHARED_CREDENTIALS_FILE="/nonexistent"))
        nobody = f"http://127.0.0.1:{free_port()}"
        self.assertIn("Failed to connect to 127.0.0.1", self.refused(f"s3://{self.bucket}?endpoint={nobody}"))
        self.assertIn("unknown parameter 'colour'", self.refused(url + "&colour=" + SECRET))

    def test_a_log_and_a_store_that_are_not_each_others_are_refused(self):
        with self.broker() as broker:
            create_topic(broker, "t")
            url = broker.settings["thalweg.store"]
            broker.stop()
            self.assertIn("another data directory", self.refused(url, data="other"))
            self.assertIn(f"belongs to s3://{self.bucket}/some/where/, not to s3://{self.bucket}/;",
                          self.refused(self.server.url(self.bucket)))
            broker.start()


if __name__ == "__main__":
    run_tests()
