#!/usr/bin/env python3
"""Thalweg without a disk, over a store with the latencies of S3.

    measure.py [--quick] [--runs N] [--only WORKLOAD]... [--places P,P] [--directory DIR] [--force] [--no-readme]

Refuses to start on a busy machine. Every run goes to build/bench/s3.jsonl; the medians replace what is between the marks
in bench/README.md, unless --quick or --no-readme.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "kit")]
import figures  # noqa: E402
import places  # noqa: E402
import sitting  # noqa: E402


def start(name, directory, workload, turn):
    return places.Place(name, directory, workload.settings, seed=turn + 1)


def cell(metric, place, runs):
    text, bar = sitting.spread(runs, metric.key), (metric.bar or {}).get(place)
    return text if bar is None or bar.met(sitting.median(runs, metric.key)) else f"**{text}**"


def row(metric, by_place):
    bars = dict.fromkeys(metric.bar[place].text for place in by_place) if metric.bar else ()
    return [metric.label, *(cell(metric, place, runs) for place, runs in by_place.items()), ", ".join(bars)]


def report(given, results):
    lines = [f"{sitting.measured(given)} A figure that misses its bar is **bold**."]
    for name, by_place in results.items():
        workload = figures.WORKLOADS[name]
        lines += sitting.table([workload.title, *(places.PLACES[place][0] for place in by_place), "bar"],
                               [row(metric, by_place) for metric in workload.metrics])
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sitting.hold(sitting.Bench("s3", "place", figures.WORKLOADS, figures.Scale, start), __doc__, report)
