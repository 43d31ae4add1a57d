#!/usr/bin/env python3
"""What a broker counts, read over HTTP as Prometheus does: with everything in a bucket what was asked of it, and that an
idle broker asks nothing; on a directory the rest."""

import os
import re
import sys
import time
import unittest
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "kit"))
import batches  # noqa: E402
import calls  # noqa: E402
from broker import Broker, is_peer  # noqa: E402
from case import FreshBrokerTest, create_topic, run_tests, wait_until  # noqa: E402
from ports import free_port  # noqa: E402
from s3_servers import SECRET, Minio  # noqa: E402

IDLE_SECONDS = 5  # longer than the lease
SAMPLE = re.compile(r'^(\w+)(?:\{(.*)\})? (\d+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def scrape(port):
    """{(name, ((label, value), ...)): number}"""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"), answer.headers
        text = answer.read().decode()
    assert SECRET not in text
    samples, families = {}, set()
    for line in text.splitlines():
        if line.startswith("#"):
            families.add(line.split(" ")[2])
            continue
        name, labels, number = SAMPLE.match(line).groups()
        assert name in families, f"{name} has no HELP and TYPE"
        key = (name, tuple(LABEL.findall(labels or "")))
        assert key not in samples, f"{key} is there twice"
        samples[key] = int(number)
    return samples


def total(samples, name, **labels):
    wanted = set(labels.items())
    return sum(number for (found, those), number in samples.items() if found == name and wanted <= set(those))


@unittest.skipIf(is_peer(), "about the thalweg program")
class Metrics(FreshBrokerTest):
    def settings(self, **more):
        self.port = free_port()
        return {"thalweg.metrics.listen": f"127.0.0.1:{self.port}", **more}

    def test_a_broker_counts_what_it_asks_of_a_bucket_and_an_idle_one_asks_nothing(self):
        server = self.enterContext(Minio(os.path.join(self.directory, "minio")))
        server.make_bucket("bucket")
        settings = self.settings(**{
            "thalweg.store": server.url("bucket", "store"), "thalweg.chunks": server.url("bucket", "log"),
            "thalweg.chunks.class": "express", "thalweg.offload.interval.ms": "500"})
        with Broker(os.path.join(self.directory, "broker"), settings, environment=server.environment, diskless=True) as broker:
            create_topic(broker, "t")
            before = scrape(self.port)
            value = bytes(100_000)
            with calls.Client(broker) as client:
                client.append("t", [batches.Record(value)])
                wait_until(lambda: total(scrape(self.port), "thalweg_log_outstanding_bytes") == 0, "it is in a segment", 20)
                after = scrape(self.port)
                self.assertEqual(total(after, "thalweg_connections"), 1)
            for purpose, store in (("log", "s3://bucket/log/"), ("segment", "s3://bucket/store/")):
                place = {"purpose": purpose, "store": store, "endpoint": f"http://127.0.0.1:{server.port}", "kind": "PUT"}
                self.assertGreater(total(after, "thalweg_store_requests_total", **place),
                                   total(before, "thalweg_store_requests_total", **place))
                sent = total(after, "thalweg_store_sent_bytes_total", **place)
                self.assertGreaterEqual(sent - total(before, "thalweg_store_sent_bytes_total", **place), len(value))
            self.assertGreater(total(after, "thalweg_store_requests_total", purpose="metadata", kind="PUT"), 0)
            self.idle()

    def idle(self):
        """Once the removal of the chunk and the rest of the work is done."""
        def asked(kind):
            return total(scrape(self.port), "thalweg_store_requests_total", kind=kind)

        def quiet():
            puts = asked("PUT")
            time.sleep(1)
            return asked("PUT") == puts
        wait_until(quiet, "the work is done", 30)
        before = {kind: asked(kind) for kind in ("PUT", "DELETE")}
        time.sleep(IDLE_SECONDS)
        self.assertEqual({kind: asked(kind) for kind in before}, before, "an idle broker writes")

    def test_a_page_there_is_and_nothing_else(self):
        with Broker(os.path.join(self.directory, "broker"), self.settings()) as broker:
            with calls.Client(broker):
                wait_until(lambda: total(scrape(self.port), "thalweg_connections") == 1, "the client is counted", 5)
            self.assertGreaterEqual(total(scrape(self.port), "thalweg_connections_accepted_total"), 1)
            for path, status in (("/", 404), ("/metrics/", 404), ("/metrics/../etc", 404)):
                with self.assertRaises(urllib.error.HTTPError) as refused:
                    urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10)
                self.assertEqual(refused.exception.code, status)
                refused.exception.close()


if __name__ == "__main__":
    run_tests()
