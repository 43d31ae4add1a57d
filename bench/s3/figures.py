"""What is measured over a stub. Each workload drives one fresh place and returns {figure: number}."""

import contextlib
import json
import os
import re
import resource
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "kit")]
from places import GIB, MIB, PLACES, systems  # noqa: E402
from sitting import Metric, Workload  # noqa: E402
import workloads  # noqa: E402  (bench/compare, on the path through places)
from workloads import KEEPS_ITS_LOG, LOAD, create_topics, fresh, load, wait_for_leaders, warm_up  # noqa: E402

VALUE_BYTES = 1024
IDLE_SECONDS = 15
SETTLE_SECONDS = 5  # what a run left in the log is not the next one's
LIVE = ("--topic", "live", "--rate", 1000, "--linger", 0)
# Settings, and about what comes of them in MiB/s, which says how long a run takes.
JAVA = {"default": ([], {"standard": 0.6, "express1": 5, "express3": 5}),
        "large": (["batch.size=1000000", "buffer.memory=268435456"], {"standard": 40, "express1": 150, "express3": 100})}


class AtLeast:
    def __init__(self, limit):
        self.limit, self.text = limit, f">= {limit:g}"

    def met(self, value):
        return value >= self.limit


class AtMost:
    def __init__(self, limit):
        self.limit, self.text = limit, f"<= {limit:g}"

    def met(self, value):
        return value <= self.limit


class Scale:
    """How long and how much; --quick shrinks all of it."""

    def __init__(self, quick):
        self.seconds = 3 if quick else 10
        self.catch_up_bytes = GIB // 4 if quick else 3 * GIB
        self.restart_bytes = GIB // 8 if quick else GIB
        self.java_seconds = 2 if quick else 10


@contextlib.contextmanager
def cost_of(place, result):
    """Fills `result` with what a run of the client asked of the store, and took of the processors."""
    zones = len(place.buckets)
    chunks, cpu = place.total("requests", "c", "PUT", place.buckets), place.cpu_seconds()
    taken = place.total("requests", "c", "PUT_TAKEN", place.buckets)
    yield
    gib = result["bytes"] / GIB
    puts = place.total("requests", "c", "PUT", place.buckets) - chunks
    result["chunk_puts_per_gib"] = puts / gib
    result["taken_puts_of_all"] = (place.total("requests", "c", "PUT_TAKEN", place.buckets) - taken) / puts
    result["puts_of_ideal"] = puts / (result["bytes"] / place.chunk_bytes * zones)
    result["dollars_per_gib"] = puts / gib * place.dollars_per_1000_puts / 1000
    broker, stub = (after - before for after, before in zip(place.cpu_seconds(), cpu))
    result["broker_cpu_per_gib"], result["stub_cpu_per_gib"] = broker / gib, stub / gib


def produced(place, scale, rate_mib, *arguments):
    result = {}
    rate = ("--rate", rate_mib * MIB // VALUE_BYTES) if rate_mib else ()
    with cost_of(place, result):
        result.update(load(place, "produce", "--topic", "t", "--seconds", scale.seconds, *rate, *arguments))
    return {**result, "mib_per_s": result["bytes"] / MIB / result["seconds"],
            "p50_ms": result["p50_us"] / 1000, "p99_ms": result["p99_us"] / 1000}


def produce(place, scale):
    """As fast as acknowledged, then paced; then nothing."""
    fresh(place, 1)
    outstanding = ("--outstanding", 131_072 if place.name == "standard" else 32_768)
    warm_up(place, scale, 1, *outstanding)
    results = {}
    for name, rate in (("max", 0), ("100", 100), ("50", 50)):
        figures = produced(place, scale, rate, *(outstanding if not rate else ("--outstanding", 131_072)))
        results.update({f"{key}_{name}": value for key, value in figures.items()})
        time.sleep(SETTLE_SECONDS)
    values = sum(value for key, value in results.items() if key.startswith("bytes_"))
    place.wait_drained(values)
    segments = place.total("requests", "segment", "PUT")
    results["segment_puts_per_gib"] = segments / (place.total("bytes", "segment", "PUT") / GIB)
    before = place.total("requests", None, "PUT")
    time.sleep(IDLE_SECONDS)
    results["idle_puts"] = place.total("requests", None, "PUT") - before
    return results


def live_p99(place, scale, beside=None):
    """Of a paced producer alone, or while `beside` is done again and again; and the first result of that."""
    command = [LOAD, "produce", "--brokers", place.broker.bootstrap, *map(str, LIVE), "--seconds", str(scale.seconds)]
    first = None
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as live:
        time.sleep(1)
        while beside and live.poll() is None:
            first = beside() if first is None else (beside(), first)[1]
        out = live.communicate()[0]
    if live.returncode:
        raise RuntimeError("the live producer failed")
    return json.loads(out)["p99_us"] / 1000, first


def catch_up(place, scale):
    """One partition from its segments, with nothing in memory; a live producer alone, and beside it."""
    create_topics(place, ["t", "live"], 1)
    for topic in ("t", "live"):
        wait_for_leaders(place, topic, 1)
    load(place, "produce", "--topic", "t", "--seconds", 0, "--bytes", scale.catch_up_bytes)
    place.wait_drained(scale.catch_up_bytes)
    place.restart()
    cold = load(place, "consume", "--topic", "t")
    gets = place.total("requests", "segment", "GET")
    place.restart()
    alone, _ = live_p99(place, scale)
    beside, during = live_p99(place, scale, lambda: load(place, "consume", "--topic", "t"))
    return {"mib_per_s": cold["bytes"] / MIB / cold["seconds"], "gets_per_gib": gets / (cold["bytes"] / GIB),
            "mib_per_s_beside": during["bytes"] / MIB / during["seconds"],
            "live_p99_alone_ms": alone, "live_p99_beside_ms": beside, "live_p99_ratio": beside / alone,
            "rss_max_mib": systems.System.memory_mib(place)[1]}


def restart(place, scale):
    result = workloads.restart(place, scale)
    log = place.broker.log()
    return {**result, "first_ack_s": result["first_ack_ms"] / 1000, "log_bytes": len(log)}


def java_run(place, records, in_flight, settings):
    """(MiB/s, processors it kept busy) of Kafka's own measuring producer, with so many requests in flight."""
    version = systems.kit.fetch_clients.KAFKA_VERSIONS[0]
    command = ["java", "-Xmx1g", "-cp", systems.kit.fetch_clients.kafka_classpath(version),
               "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "org.apache.kafka.tools.ProducerPerformance",
               "--topic", "t", "--num-records", str(records),
               "--record-size", str(VALUE_BYTES), "--throughput", "-1", "--producer-props",
               f"bootstrap.servers={place.broker.bootstrap}", "acks=all", *settings,
               f"max.in.flight.requests.per.connection={in_flight}"]
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    after, seconds = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - began
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return float(re.search(r"\(([\d.]+) MB/sec\)", done.stdout.splitlines()[-1]).group(1)), cpu / seconds


def java(place, scale):
    """Five requests in flight together, and one at a time, which is what a broker that works on one does to a client."""
    fresh(place, 1)
    warm_up(place, scale, 1)
    result = {}
    for name, (settings, about) in JAVA.items():
        records = int(about[place.name] * MIB / VALUE_BYTES * scale.java_seconds)
        one, _ = java_run(place, records // 4, 1, settings)
        five, cpu = java_run(place, records, 5, settings)
        result.update({f"{name}_mib_per_s": five, f"{name}_one_mib_per_s": one, f"{name}_ratio": five / one,
                       f"{name}_client_cpus": cpu})
    return result


def everywhere(bar):
    return {"standard": bar, "express1": bar, "express3": bar}


def by_class(standard, express):
    return {"standard": standard, "express1": express, "express3": express}


ACK_P99 = by_class(AtMost(400), AtMost(40))
WORKLOADS = {
    "produce": Workload("1 partition, one producer, 1 KiB", produce, PLACES, [
        Metric("mib_per_s_max", "MiB/s, as fast as acknowledged", everywhere(AtLeast(100))),
        Metric("p50_ms_max", "ack p50 ms, at that rate"), Metric("p99_ms_max", "ack p99 ms, at that rate"),
        Metric("broker_cpu_per_gib_max", "broker CPU-s/GiB"), Metric("stub_cpu_per_gib_max", "stub CPU-s/GiB"),
        Metric("p50_ms_100", "ack p50 ms at 100 MiB/s"), Metric("p99_ms_100", "ack p99 ms at 100 MiB/s", ACK_P99),
        Metric("mib_per_s_100", "MiB/s, paced at 100"),
        Metric("p50_ms_50", "ack p50 ms at 50 MiB/s"), Metric("p99_ms_50", "ack p99 ms at 50 MiB/s", ACK_P99),
        Metric("chunk_puts_per_gib_50", "PUTs of chunks per GiB at 50 MiB/s"),
        Metric("puts_of_ideal_50", "the same / ideal", everywhere(AtMost(1.1))),
        Metric("puts_of_ideal_100", "PUTs of chunks / ideal at 100 MiB/s", everywhere(AtMost(1.1))),
        Metric("puts_of_ideal_max", "PUTs of chunks / ideal, as fast as acknowledged", everywhere(AtMost(1.1))),
        Metric("taken_puts_of_all_50", "hedges and repetitions / PUTs of chunks, at 50 MiB/s"),
        Metric("dollars_per_gib_50", "dollars per GiB at 50 MiB/s, PUTs of chunks"),
        Metric("segment_puts_per_gib", "PUTs of segments per GiB"),
        Metric("idle_puts", f"PUTs in {IDLE_SECONDS} s when idle", everywhere(AtMost(0)))]),
    "catch_up": Workload("cold catch-up of 1 partition from segments", catch_up, PLACES, [
        Metric("mib_per_s", "MiB/s", everywhere(AtLeast(400))), Metric("gets_per_gib", "GETs per GiB"),
        Metric("mib_per_s_beside", "MiB/s beside a live producer"),
        Metric("live_p99_alone_ms", "live ack p99 ms, alone"), Metric("live_p99_beside_ms", "live ack p99 ms, beside it"),
        Metric("live_p99_ratio", "the latter / the former", everywhere(AtMost(1.5))),
        Metric("rss_max_mib", "greatest RSS MiB")]),
    "restart": Workload("kill -9 with 1 GiB in the log only, exec again", restart, PLACES, [
        Metric("listening_ms", "exec to listening ms"),
        Metric("first_ack_s", "exec to first acknowledged record s", everywhere(AtMost(5)))], KEEPS_ITS_LOG),
    "java": Workload("Java producer, 1 partition, 5 requests in flight", java, PLACES, [
        Metric("default_mib_per_s", "MiB/s, the client's defaults"),
        Metric("default_one_mib_per_s", "MiB/s, one request at a time"),
        Metric("default_ratio", "the former / the latter", everywhere(AtLeast(4))),
        Metric("large_mib_per_s", "MiB/s, batches of 1 MB"),
        Metric("large_one_mib_per_s", "MiB/s, one request at a time"),
        Metric("large_ratio", "the former / the latter"),
        Metric("large_client_cpus", "processors the client kept busy, of 2")]),
}
