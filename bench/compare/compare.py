#!/usr/bin/env python3
"""Side by side with Apache Kafka on this machine: the same client, one broker at a time, alternating, medians.

    compare.py [--quick] [--runs N] [--only WORKLOAD]... [--systems S,S] [--directory DIR] [--force] [--no-readme]

Refuses to start on a busy machine. Every run goes to build/bench/compare.jsonl; the medians and ratios replace what
is between the marks in bench/README.md, unless --quick or --no-readme.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "kit")]
import sitting  # noqa: E402
import systems  # noqa: E402
import workloads  # noqa: E402


def start(name, directory, workload, _):
    return systems.System(name, directory, workload.settings.get(name))


def row(metric, by_system):
    """Figures, Thalweg's divided by each peer's, and the bar."""
    middle = {system: sitting.median(runs, metric.key) for system, runs in by_system.items()}
    ours, kafka = middle.get("thalweg"), middle.get("kafka")
    cells = [metric.label, *(sitting.spread(runs, metric.key) for runs in by_system.values())]
    for peer in [system for system in middle if system != "thalweg"]:
        cells.append(f"{ours / middle[peer]:.2g}" if ours is not None and middle[peer] else "")
    met = metric.bar.met(ours, kafka, by_system["thalweg"]) if metric.bar and ours is not None else None
    return [*cells, metric.bar.text if metric.bar else "", {True: "met", False: "**missed**", None: ""}[met]]


def report(given, results):
    lines = [f"{sitting.measured(given)} Apache Kafka {systems.kit.fetch_clients.KAFKA_VERSIONS[0]}, "
             "2 GiB heap; `kafka` leaves records in the page cache, `kafka-flush` has log.flush.interval.messages=1; "
             "Thalweg has every record on the disk before it acknowledges. The client shares the machine. "
             "`/ kafka` is Thalweg's figure divided by Kafka's."]
    for name, by_system in results.items():
        workload = workloads.WORKLOADS[name]
        peers = [f"/ {system}" for system in by_system if system != "thalweg"]
        lines += sitting.table([workload.title, *by_system, *peers, "bar", ""],
                               [row(metric, by_system) for metric in workload.metrics])
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sitting.hold(sitting.Bench("compare", "system", workloads.WORKLOADS, workloads.Scale, start), __doc__, report)
