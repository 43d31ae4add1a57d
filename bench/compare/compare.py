#!/usr/bin/env python3
"""Side by side with Apache Kafka on this machine: the same client, one broker at a time, alternating, medians.

    compare.py [--quick] [--runs N] [--only WORKLOAD]... [--systems S,S] [--directory DIR] [--force] [--no-readme]

Refuses to start on a busy machine. Every run goes to build/bench/compare.jsonl; the medians and ratios replace what
is between the marks in bench/README.md, unless --quick or --no-readme.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import systems  # noqa: E402
import workloads  # noqa: E402

README = os.path.join(HERE, "..", "README.md")
BEGIN, END = "<!-- compare: begin -->", "<!-- compare: end -->"


def parse():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--quick", action="store_true", help="one short run each: does it work?")
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--only", action="append", choices=list(workloads.WORKLOADS))
    arguments.add_argument("--systems", default=",".join(systems.SYSTEMS))
    arguments.add_argument("--directory", default=os.path.join(systems.ROOT, "build", "bench"))
    arguments.add_argument("--force", action="store_true", help="measure although the machine is busy")
    arguments.add_argument("--no-readme", action="store_true")
    given = arguments.parse_args()
    if given.quick:
        given.runs = 1
    return given


def measure(given, out):
    """{workload: {system: [result, ...]}}; systems alternate within a workload."""
    scale, results = workloads.Scale(given.quick), {}
    for name in given.only or workloads.WORKLOADS:
        workload = workloads.WORKLOADS[name]
        chosen = [s for s in workload.systems if s in given.systems.split(",")]
        for turn in range(given.runs):
            for system_name in chosen:
                began = time.monotonic()
                with systems.System(system_name, given.directory, workload.settings.get(system_name)) as system:
                    result = workload.run(system, scale)
                results.setdefault(name, {}).setdefault(system_name, []).append(result)
                out.write(json.dumps({"workload": name, "system": system_name, "turn": turn, **result}) + "\n")
                out.flush()
                shown = ", ".join(f"{metric.label} {result[metric.key]:.6g}" for metric in workload.metrics)
                print(f"{workload.title} | {system_name} | {shown} | {time.monotonic() - began:.0f} s", flush=True)
    return results


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def row(metric, medians, spreads):
    """A line of the table: figures, Thalweg's divided by each peer's, and the bar."""
    middle = {system: values[metric.key] for system, values in medians.items()}
    ours, kafka = middle.get("thalweg"), middle.get("kafka")
    cells = [metric.label, *(spreads(system, metric.key) for system in medians)]
    for peer in [system for system in medians if system != "thalweg"]:
        cells.append(f"{ours / middle[peer]:.2g}" if ours is not None and middle[peer] else "")
    cells.append(metric.bar.text if metric.bar else "")
    met = metric.bar.met(ours, kafka, medians["thalweg"]) if metric.bar and ours is not None else None
    cells.append({True: "met", False: "**missed**", None: ""}[met])
    return "| " + " | ".join(cells) + " |"


def tables(results):
    lines = []
    for name, by_system in results.items():
        workload = workloads.WORKLOADS[name]
        medians = {system: {metric.key: statistics.median(run[metric.key] for run in runs) for metric in workload.metrics}
                   for system, runs in by_system.items()}

        def spreads(system, key):
            values = [run[key] for run in by_system[system]]
            middle = number(statistics.median(values))
            return f"{middle} ({number(min(values))}-{number(max(values))})" if len(values) > 1 else middle

        peers = [f"/ {system}" for system in by_system if system != "thalweg"]
        head = [workload.title, *by_system, *peers, "bar", ""]
        lines += ["", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
        lines += [row(metric, medians, spreads) for metric in workload.metrics]
    return lines


def commit():
    done = subprocess.run(["git", "-C", systems.ROOT, "describe", "--always", "--dirty"], capture_output=True,
                          text=True, check=False)
    return done.stdout.strip() or "unknown"


def report(given, results):
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "?")
    head = [f"Measured {datetime.date.today()} at {commit()} on {os.cpu_count()} x {model}, Linux {platform.release()}; "
            f"median of {given.runs} (least-greatest). Apache Kafka {systems.kit.fetch_clients.KAFKA_VERSIONS[0]}, "
            "2 GiB heap; `kafka` leaves records in the page cache, `kafka-flush` has log.flush.interval.messages=1; "
            "Thalweg has every record on the disk before it acknowledges. The client shares the machine. "
            "`/ kafka` is Thalweg's figure divided by Kafka's."]
    return "\n".join(head + tables(results)) + "\n"


def write_readme(text):
    with open(README, encoding="utf-8") as file:
        old = file.read()
    if BEGIN not in old:
        sys.exit(f"{README} has no {BEGIN}")
    before, after = old.split(BEGIN)[0], old.split(END)[1]
    with open(README, "w", encoding="utf-8") as file:
        file.write(f"{before}{BEGIN}\n{text}{END}{after}")


def main():
    given = parse()
    reason = None if given.force else systems.busy_reason()
    if reason:
        sys.exit(f"not now: {reason}; --force measures all the same")
    os.makedirs(given.directory, exist_ok=True)
    with open(os.path.join(given.directory, "compare.jsonl"), "a", encoding="utf-8") as out:
        results = measure(given, out)
    text = report(given, results)
    print(text)
    if not given.quick and not given.no_readme:
        write_readme(text)


if __name__ == "__main__":
    main()
