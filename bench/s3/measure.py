#!/usr/bin/env python3
"""Thalweg without a disk, over a store with the latencies of S3.

    measure.py [--quick] [--runs N] [--only WORKLOAD]... [--places P,P] [--directory DIR] [--force] [--no-readme]

Refuses to start on a busy machine. Every run goes to build/bench/s3.jsonl; the medians replace what is between the marks
in bench/README.md, unless --quick or --no-readme.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import figures  # noqa: E402
import places  # noqa: E402
import compare  # noqa: E402  (bench/compare, on the path through places)

compare.BEGIN, compare.END = "<!-- s3: begin -->", "<!-- s3: end -->"


def parse():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--quick", action="store_true", help="one short run each: does it work?")
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--only", action="append", choices=list(figures.WORKLOADS))
    arguments.add_argument("--places", default=",".join(places.PLACES))
    arguments.add_argument("--directory", default=os.path.join(places.ROOT, "build", "bench"))
    arguments.add_argument("--force", action="store_true", help="measure although the machine is busy")
    arguments.add_argument("--no-readme", action="store_true")
    given = arguments.parse_args()
    if given.quick:
        given.runs = 1
    return given


def measure(given, out):
    """{workload: {place: [result, ...]}}; places alternate within a workload."""
    scale, results = figures.Scale(given.quick), {}
    for name in given.only or figures.WORKLOADS:
        workload = figures.WORKLOADS[name]
        for turn in range(given.runs):
            for place_name in given.places.split(","):
                began = time.monotonic()
                with places.Place(place_name, given.directory, workload.settings, seed=turn + 1) as place:
                    result = workload.run(place, scale)
                results.setdefault(name, {}).setdefault(place_name, []).append(result)
                out.write(json.dumps({"workload": name, "place": place_name, "turn": turn, **result}) + "\n")
                out.flush()
                print(f"{workload.title} | {place_name} | {time.monotonic() - began:.0f} s", flush=True)
                for figure in workload.figures:
                    print(f"    {figure.label}: {result[figure.key]:.6g}", flush=True)
    return results


def cell(figure, place, runs):
    values = [run[figure.key] for run in runs]
    middle = statistics.median(values)
    text = compare.number(middle)
    if len(values) > 1:
        text += f" ({compare.number(min(values))}-{compare.number(max(values))})"
    bar = figure.bars.get(place)
    return f"**{text}**" if bar and not bar.met(middle) else text


def tables(results):
    lines = []
    for name, by_place in results.items():
        workload = figures.WORKLOADS[name]
        head = [workload.title, *(places.PLACES[place][0] for place in by_place), "bar"]
        lines += ["", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
        for figure in workload.figures:
            bars = dict.fromkeys(figure.bars[place].text for place in by_place if place in figure.bars)
            cells = [figure.label, *(cell(figure, place, runs) for place, runs in by_place.items()), ", ".join(bars)]
            lines.append("| " + " | ".join(cells) + " |")
    return lines


def main():
    given = parse()
    reason = None if given.force else compare.systems.busy_reason()
    if reason:
        sys.exit(f"not now: {reason}; --force measures all the same")
    os.makedirs(given.directory, exist_ok=True)
    with open(os.path.join(given.directory, "s3.jsonl"), "a", encoding="utf-8") as out:
        results = measure(given, out)
    head = (f"Measured {datetime.date.today()} at {compare.commit()} on {os.cpu_count()} cores, Linux "
            f"{platform.release()}; median of {given.runs} (least-greatest). A figure that misses its bar is **bold**.")
    text = "\n".join([head, *tables(results)]) + "\n"
    print(text)
    if not given.quick and not given.no_readme:
        compare.write_readme(text)


if __name__ == "__main__":
    main()
