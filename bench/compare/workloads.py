"""What is measured. Each workload drives one fresh broker once and returns {metric: number}."""

import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import systems  # noqa: E402
import wire  # noqa: E402  (integration/kit, on the path through systems)

LOAD = os.path.join(systems.ROOT, "build", "release", "load")
GIB = 1 << 30
TOPICS_PER_REQUEST = 1000
IDLE_SECONDS = 3


class Scale:
    """How long and how much; --quick shrinks all of it."""

    def __init__(self, quick):
        self.seconds = 2 if quick else 15
        self.catch_up_bytes = 200_000_000 if quick else 6_000_000_000
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


def measured(system, mode, partitions, *arguments):
    """A run of the client with the broker's CPU around it."""
    before = system.drained_cpu_seconds()
    result = load(system, mode, "--topic", "t", "--partitions", partitions, *arguments)
    result["cpu_s"] = system.drained_cpu_seconds() - before
    result["cpu_s_per_gib"] = result["cpu_s"] / (result["bytes"] / GIB)
    result["cpu_us_per_record"] = result["cpu_s"] / result["records"] * 1e6
    result["rss_mib"], result["rss_max_mib"] = system.memory_mib()
    return result


def fresh(system, partitions):
    create_topics(system, ["t"], partitions)
    wait_for_leaders(system, "t", partitions)


def produce(partitions, *arguments):
    def run(system, scale):
        fresh(system, partitions)
        # Uncounted: connections, code paths and memory are warm.
        load(system, "produce", "--topic", "t", "--partitions", partitions, *arguments, "--seconds",
             max(1, scale.seconds / 5))
        return measured(system, "produce", partitions, *arguments, "--seconds", scale.seconds)
    return run


def paced(system, scale):
    fresh(system, 1)
    arguments = ("--rate", 10_000, "--linger", 0)
    load(system, "produce", "--topic", "t", *arguments, "--seconds", max(1, scale.seconds / 5))
    result = measured(system, "produce", 1, *arguments, "--seconds", scale.seconds)
    raw = load(system, "raw-sync", "--directory", system.directory, "--seconds", max(1, scale.seconds / 5))
    return {**result, **{f"raw_sync_{key}": raw[key] for key in ("p50_us", "p99_us", "p999_us")}}


def tail(system, scale):
    fresh(system, 1)
    return measured(system, "tail", 1, "--rate", 10_000, "--linger", 0, "--seconds", scale.seconds)


def catch_up(system, scale):
    fresh(system, 1)
    load(system, "produce", "--topic", "t", "--bytes", scale.catch_up_bytes)
    return measured(system, "consume", 1)


def idle(system, _):
    listening = system.broker.listening_seconds
    time.sleep(IDLE_SECONDS)
    before, began = system.broker.cpu_seconds(), time.monotonic()
    time.sleep(IDLE_SECONDS)
    share = (system.broker.cpu_seconds() - before) / (time.monotonic() - began)
    return {"listening_ms": listening * 1000, "rss_mib": system.memory_mib()[0], "idle_cpu_percent": share * 100}


def topics(system, scale):
    count = scale.topics["kafka" if system.peer else "thalweg"]
    rss, before, began = system.memory_mib()[0], system.broker.cpu_seconds(), time.monotonic()
    for first in range(0, count, TOPICS_PER_REQUEST):
        create_topics(system, [f"topic-{n}" for n in range(first, min(first + TOPICS_PER_REQUEST, count))], 1)
    seconds = time.monotonic() - began
    cpu = system.drained_cpu_seconds() - before
    return {"topics": count, "topics_per_s": count / seconds, "cpu_us_per_topic": cpu / count * 1e6,
            "bytes_per_topic": (system.memory_mib()[0] - rss) * (1 << 20) / count}


THROUGHPUT = [("mb_per_s", "MB/s", True), ("cpu_s_per_gib", "broker CPU-s/GiB", False), ("p50_us", "ack p50 us", False),
              ("p99_us", "ack p99 us", False), ("rss_max_mib", "greatest RSS MiB", False)]
LATENCY = [("p50_us", "p50 us", False), ("p99_us", "p99 us", False), ("p999_us", "p99.9 us", False),
           ("cpu_us_per_record", "broker CPU us/record", False)]

# name -> (title, run, systems, [(metric, label, more is better)])
WORKLOADS = {
    "idle": ("start and idle", idle, ("thalweg", "kafka"),
             [("listening_ms", "exec to answering ms", False), ("rss_mib", "RSS MiB", False),
              ("idle_cpu_percent", "idle CPU %", False)]),
    "p1": ("1 partition, 1 KiB, acks=all", produce(1), tuple(systems.SYSTEMS), THROUGHPUT),
    "p100": ("100 partitions, 1 KiB, acks=all", produce(100), tuple(systems.SYSTEMS), THROUGHPUT),
    "p1000": ("1,000 partitions, 1 KiB, acks=all, linger 20 ms", produce(1000, "--linger", 20), ("thalweg", "kafka"),
              THROUGHPUT),
    "zstd": ("1 partition, 1 KiB like JSON, zstd batches", produce(1, "--json", "--codec", "zstd"),
             ("thalweg", "kafka"), THROUGHPUT),
    "single": ("one 100-byte record per request, 1 partition",
               produce(1, "--size", 100, "--batch-messages", 1, "--linger", 0, "--outstanding", 512), tuple(systems.SYSTEMS),
               [("records_per_s", "requests/s", True), ("cpu_us_per_record", "broker CPU us/request", False),
                ("p50_us", "ack p50 us", False), ("p99_us", "ack p99 us", False)]),
    "paced": ("10,000 records/s of 1 KiB, linger 0", paced, tuple(systems.SYSTEMS),
              LATENCY + [("raw_sync_p50_us", "raw 4 KiB write+fdatasync p50 us, same run", None),
                         ("raw_sync_p99_us", "raw 4 KiB write+fdatasync p99 us, same run", None)]),
    "tail": ("produce to consumer at the tail, 10,000 records/s of 1 KiB", tail, ("thalweg", "kafka"), LATENCY),
    "catch_up": ("consume a topic from its beginning", catch_up, ("thalweg", "kafka"),
                 [("mb_per_s", "MB/s", True), ("cpu_s_per_gib", "broker CPU-s/GiB", False),
                  ("rss_max_mib", "greatest RSS MiB", False)]),
    "topics": ("topics of one partition created", topics, ("thalweg", "kafka"),
               [("topics", "topics", None), ("topics_per_s", "topics/s", True),
                ("cpu_us_per_topic", "broker CPU us/topic", False), ("bytes_per_topic", "RSS bytes/topic", False)]),
}
