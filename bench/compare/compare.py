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
        title, run, runs_on, _ = workloads.WORKLOADS[name]
        chosen = [s for s in runs_on if s in given.systems.split(",")]
        for turn in range(given.runs):
            for system_name in chosen:
                began = time.monotonic()
                with systems.System(system_name, given.directory) as system:
                    result = run(system, scale)
                results.setdefault(name, {}).setdefault(system_name, []).append(result)
                out.write(json.dumps({"workload": name, "system": system_name, "turn": turn, **result}) + "\n")
                out.flush()
                shown = ", ".join(f"{label} {result[metric]:.6g}" for metric, label, _ in workloads.WORKLOADS[name][3])
                print(f"{title} | {system_name} | {shown} | {time.monotonic() - began:.0f} s", flush=True)
    return results


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def ratio(ours, theirs, more_is_better):
    """How the peer relates to us, written so that above 1 is better for Thalweg."""
    if more_is_better is None or not ours or not theirs:
        return ""
    return f"{(ours / theirs if more_is_better else theirs / ours):.2g}x"


def tables(results):
    lines = []
    for name, by_system in results.items():
        title, _, _, metrics = workloads.WORKLOADS[name]
        peers = [s for s in by_system if s != "thalweg"]
        head = [title, *by_system, *[f"thalweg against {peer}" for peer in peers if "thalweg" in by_system]]
        lines += ["", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
        for metric, label, better in metrics:
            middle = {s: statistics.median(r[metric] for r in runs) for s, runs in by_system.items()}
            spread = {s: f"{number(middle[s])} ({number(min(r[metric] for r in runs))}-"
                         f"{number(max(r[metric] for r in runs))})" if len(runs) > 1 else number(middle[s])
                      for s, runs in by_system.items()}
            row = [label, *spread.values()]
            if "thalweg" in by_system:
                row += [ratio(middle["thalweg"], middle[peer], better) for peer in peers]
            lines.append("| " + " | ".join(row) + " |")
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
            "Ratios are written so that above 1 is better for Thalweg."]
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
