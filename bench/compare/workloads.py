"""What is measured. Each workload drives one fresh broker once and returns {metric: number}."""

import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "kit")]
import systems  # noqa: E402
from bars import AtLeast, AtMost, Below, NearRawSync  # noqa: E402
from sitting import Metric, Workload  # noqa: E402
import batches  # noqa: E402  (integration/kit, on the path through systems)
import calls  # noqa: E402
import wire  # noqa: E402

LOAD = os.path.join(systems.ROOT, "build", "release", "load")
MIB, GIB = 1 << 20, 1 << 30
TOPICS_PER_REQUEST = 1000
IDLE_SECONDS = 3
OUTSTANDING_LOG_LIMIT = 384 * MIB  # thalweg.log.outstanding.max.bytes

WITH_FLUSH = ("thalweg", "kafka", "kafka-flush")
WITHOUT_FLUSH = ("thalweg", "kafka")  # syncing every message of so many files takes Kafka hours


class Scale:
    """How long and how much; --quick shrinks all of it."""

    def __init__(self, quick):
        self.seconds = 2 if quick else 10
        # So that Thalweg cannot put the work of moving its log into segments off to after the run.
        self.thalweg_bytes = 0 if quick else 8 * OUTSTANDING_LOG_LIMIT
        self.catch_up_bytes = 200_000_000 if quick else 6_000_000_000
        self.tail_read_bytes = 100_000_000 if quick else 300_000_000
        self.tail_reads = 2 if quick else 8
        self.restart_bytes = GIB // 8 if quick else GIB
        self.topics = {"thalweg": 2_000 if quick else 100_000, "kafka": 500 if quick else 5_000}


def load(system, mode, *arguments):
    command = [LOAD, mode, "--brokers", system.broker.bootstrap, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr[-1000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def create_topics(system, names, partitions):
    with wire.Connection(system.broker, 600) as connection:
        answer = connection.call(19, 5, {"timeoutMs": 300_000, "Topics": [
            {"Name": name, "NumPartitions": partitions, "ReplicationFactor": 1} for name in names]})
    errors = {topic["ErrorCode"] for topic in answer["Topics"]}
    if errors != {0}:
        raise RuntimeError(f"create topics: errors {errors}")


def wait_for_leaders(system, topic, partitions):
    until = time.monotonic() + 120
    with wire.Connection(system.broker, 120) as connection:
        while time.monotonic() < until:
            answer = connection.call(3, 5, {"Topics": [{"Name": topic}], "AllowAutoTopicCreation": False})
            rows = answer["Topics"][0]["Partitions"]
            if len(rows) == partitions and all(row["ErrorCode"] == 0 and row["LeaderId"] >= 0 for row in rows):
                return
            time.sleep(0.1)
    raise RuntimeError(f"{topic}: no leaders")


class Cost:
    """The broker's CPU seconds around what is done inside `with`, read when nothing is left to do.

    What a warm-up left in Thalweg's log is moved at the run's expense; Kafka is given the time to settle.
    """

    def __init__(self, system):
        self.system = system

    def __enter__(self):
        system = self.system
        self.before = system.drained_cpu_seconds() if system.peer else system.broker.cpu_seconds()
        return self

    def __exit__(self, *_):
        self.cpu_s = self.system.drained_cpu_seconds() - self.before

    def added_to(self, result):
        result["cpu_s"] = self.cpu_s
        result["cpu_s_per_gib"] = self.cpu_s / (result["bytes"] / GIB)
        result["cpu_us_per_record"] = self.cpu_s / result["records"] * 1e6
        result["rss_mib"], result["rss_max_mib"] = self.system.memory_mib()
        return result


def measured(system, mode, partitions, *arguments):
    """A run of the client with the broker's CPU around it."""
    with Cost(system) as cost:
        result = load(system, mode, "--topic", "t", "--partitions", partitions, *arguments)
    return cost.added_to(result)


def fresh(system, partitions):
    create_topics(system, ["t"], partitions)
    wait_for_leaders(system, "t", partitions)


def warm_up(system, scale, partitions, *arguments):
    """Uncounted: connections, code paths and memory are warm."""
    load(system, "produce", "--topic", "t", "--partitions", partitions, *arguments, "--seconds", max(1, scale.seconds / 5))


def produce(partitions, *arguments):
    """At least `scale.seconds`; Thalweg at least scale.thalweg_bytes too, which Kafka is spared."""
    def run(system, scale):
        fresh(system, partitions)
        warm_up(system, scale, partitions, *arguments)
        bytes_min = 0 if system.peer else scale.thalweg_bytes
        return measured(system, "produce", partitions, *arguments, "--seconds", scale.seconds, "--bytes", bytes_min)
    return run


def single(system, scale):
    """Requests of one record: their number counts, not their bytes."""
    arguments = ("--size", 100, "--batch-messages", 1, "--linger", 0, "--outstanding", 512)
    fresh(system, 1)
    warm_up(system, scale, 1, *arguments)
    return measured(system, "produce", 1, *arguments, "--seconds", scale.seconds)


def paced(system, scale):
    fresh(system, 1)
    arguments = ("--rate", 10_000, "--linger", 0)
    warm_up(system, scale, 1, *arguments)
    result = measured(system, "produce", 1, *arguments, "--seconds", scale.seconds)
    raw = load(system, "raw-sync", "--directory", system.directory, "--seconds", max(1, scale.seconds / 5))
    return {**result, **{f"raw_sync_{key}": raw[key] for key in ("p50_us", "p99_us", "p999_us")}}


def tail(system, scale):
    fresh(system, 1)
    return measured(system, "tail", 1, "--rate", 10_000, "--linger", 0, "--seconds", scale.seconds)


def tail_read(system, scale):
    """The newest records, which both brokers have in memory, read again and again."""
    fresh(system, 1)
    load(system, "produce", "--topic", "t", "--seconds", 0, "--bytes", scale.tail_read_bytes)
    load(system, "consume", "--topic", "t")
    with Cost(system) as cost:
        runs = [load(system, "consume", "--topic", "t") for _ in range(scale.tail_reads)]
    total = {key: sum(run[key] for run in runs) for key in ("records", "bytes", "seconds")}
    return cost.added_to({**total, "mb_per_s": total["bytes"] / 1e6 / total["seconds"]})


def catch_up(system, scale):
    fresh(system, 1)
    load(system, "produce", "--topic", "t", "--seconds", 0, "--bytes", scale.catch_up_bytes)
    return measured(system, "consume", 1)


def idle(system, _):
    listening = system.broker.listening_seconds
    time.sleep(IDLE_SECONDS)
    before, began = system.broker.cpu_seconds(), time.monotonic()
    time.sleep(IDLE_SECONDS)
    share = (system.broker.cpu_seconds() - before) / (time.monotonic() - began)
    return {"listening_ms": listening * 1000, "rss_mib": system.memory_mib()[0], "idle_cpu_percent": share * 100}


def topics(system, scale):
    """One request after the other; the time is the broker's, not Python's to encode and decode."""
    count = scale.topics["kafka" if system.peer else "thalweg"]
    rss, before, seconds = system.memory_mib()[0], system.broker.cpu_seconds(), 0
    with calls.Client(system.broker, 600) as client:
        for first in range(0, count, TOPICS_PER_REQUEST):
            client.post(calls.CREATE_TOPICS, 5, {"timeoutMs": 300_000, "validateOnly": False, "Topics": [
                {"Name": f"topic-{n}", "NumPartitions": 1, "ReplicationFactor": 1}
                for n in range(first, min(first + TOPICS_PER_REQUEST, count))]})
            began = time.monotonic()
            answer = client.receive()
            seconds += time.monotonic() - began
            errors = {topic["ErrorCode"] for topic in client.decoded(calls.CREATE_TOPICS, 5, answer)["Topics"]}
            if errors != {0}:
                raise RuntimeError(f"create topics: errors {errors}")
    bytes_per_topic = (system.memory_mib()[0] - rss) * MIB / count
    cpu = system.drained_cpu_seconds() - before
    return {"topics": count, "topics_per_s": count / seconds, "s_per_100k": seconds / count * 100_000,
            "cpu_us_per_topic": cpu / count * 1e6, "bytes_per_topic": bytes_per_topic}


def restart(system, scale):
    """kill -9 with that much in the log (Kafka: in the page cache), then exec to the first acknowledged record."""
    fresh(system, 1)
    load(system, "produce", "--topic", "t", "--seconds", 0, "--bytes", scale.restart_bytes)
    began = system.kill_and_restart()
    records = batches.build(batches.values(1))
    while time.monotonic() - began < 120:
        try:
            with calls.Client(system.broker, 5) as client:
                listening = time.monotonic() - began
                while client.produce("t", records)["ErrorCode"]:
                    time.sleep(0.002)
                return {"listening_ms": listening * 1000, "first_ack_ms": (time.monotonic() - began) * 1000}
        except (OSError, AssertionError):
            time.sleep(0.002)
    raise RuntimeError("no record was acknowledged within two minutes of the restart")


def throughput(rate, cpu):
    return [Metric("mb_per_s", "MB/s", rate), Metric("cpu_s_per_gib", "broker CPU-s/GiB", cpu),
            Metric("p50_us", "ack p50 us"), Metric("p99_us", "ack p99 us"), Metric("p999_us", "ack p99.9 us"),
            Metric("rss_max_mib", "greatest RSS MiB")]


LATENCY = [Metric("p50_us", "p50 us"), Metric("p99_us", "p99 us"), Metric("p999_us", "p99.9 us"),
           Metric("cpu_us_per_record", "broker CPU us/record")]
READ = [Metric("mb_per_s", "MB/s", AtLeast(1)), Metric("cpu_s_per_gib", "broker CPU-s/GiB", AtMost(1.3)),
        Metric("rss_max_mib", "greatest RSS MiB")]
# Nothing leaves the log by itself, and the log takes it all.
KEEPS_ITS_LOG = {"thalweg.offload.bytes": 1 << 40, "thalweg.offload.interval.ms": 3_600_000,
                 "thalweg.log.outstanding.max.bytes": 4 * GIB}

WORKLOADS = {
    "idle": Workload("start and idle", idle, WITHOUT_FLUSH,
                     [Metric("listening_ms", "exec to answering ms", Below(100)), Metric("rss_mib", "RSS MiB", Below(64)),
                      Metric("idle_cpu_percent", "idle CPU %")]),
    "p1": Workload("1 partition, 1 KiB, acks=all", produce(1), WITH_FLUSH, throughput(AtLeast(1.6), AtMost(0.45))),
    "p100": Workload("100 partitions, 1 KiB, acks=all", produce(100), WITH_FLUSH, throughput(AtLeast(2.5), AtMost(0.3))),
    "p1000": Workload("1,000 partitions, 1 KiB, acks=all, linger 20 ms", produce(1000, "--linger", 20), WITHOUT_FLUSH,
                      throughput(AtLeast(2.5), AtMost(0.06))),
    "zstd": Workload("1 partition, 1 KiB like JSON, zstd batches", produce(1, "--json", "--codec", "zstd"), WITHOUT_FLUSH,
                     throughput(None, AtMost(0.2))),
    "single": Workload("one 100-byte record per request, 1 partition", single, WITH_FLUSH,
                       [Metric("records_per_s", "requests/s", AtLeast(1.4)),
                        Metric("cpu_us_per_record", "broker CPU us/request", AtMost(0.4)),
                        Metric("p50_us", "ack p50 us"), Metric("p99_us", "ack p99 us"), Metric("p999_us", "ack p99.9 us")]),
    "paced": Workload("10,000 records/s of 1 KiB, linger 0", paced, WITH_FLUSH,
                      [Metric("p50_us", "ack p50 us", NearRawSync()), Metric("p99_us", "ack p99 us", AtMost(0.6)),
                       *LATENCY[2:], Metric("raw_sync_p50_us", "w: raw 4 KiB write+fdatasync p50 us, same run"),
                       Metric("raw_sync_p99_us", "raw 4 KiB write+fdatasync p99 us, same run")]),
    "tail": Workload("produce to consumer at the tail, 10,000 records/s of 1 KiB", tail, WITHOUT_FLUSH, LATENCY),
    "tail_read": Workload("consume the newest 300 MB, in memory", tail_read, WITHOUT_FLUSH, READ),
    "catch_up": Workload("consume 6 GB from the beginning", catch_up, WITHOUT_FLUSH,
                         [Metric("mb_per_s", "MB/s", AtLeast(0.9)), *[m._replace(bar=None) for m in READ[1:]]]),
    "topics": Workload("topics of one partition created, 1,000 a request", topics, WITHOUT_FLUSH,
                       [Metric("topics", "topics"), Metric("topics_per_s", "topics/s"),
                        Metric("s_per_100k", "seconds for 100,000", Below(20)),
                        Metric("cpu_us_per_topic", "broker CPU us/topic"),
                        Metric("bytes_per_topic", "RSS bytes/topic", Below(1024))]),
    "restart": Workload("kill -9 with 1 GiB in the log only, exec again", restart, WITHOUT_FLUSH,
                        [Metric("listening_ms", "exec to listening ms"),
                         Metric("first_ack_ms", "exec to first acknowledged record ms", Below(1500))],
                        {"thalweg": KEEPS_ITS_LOG}),
}
