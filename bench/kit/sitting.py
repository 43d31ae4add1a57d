"""A sitting: every workload on every subject, in turns, and its medians in bench/README.md."""

import argparse
import datetime
import json
import os
import statistics
import sys
import time
from collections import namedtuple

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import machine  # noqa: E402

README = os.path.join(HERE, "..", "README.md")

# The key in a result, how it is shown, what it is held to (or None).
Metric = namedtuple("Metric", "key label bar", defaults=(None,))
# Title, function of (a started subject, scale) to {key: number}, names of the subjects it runs on, metrics, settings.
Workload = namedtuple("Workload", "title run subjects metrics settings", defaults=({},))
# Name of the raw results and of the marks in README.md; what a subject is called; workloads by name; a class of
# scales, made of whether it is to be quick; function of (subject, directory, workload, turn) to one to be entered.
Bench = namedtuple("Bench", "name subject workloads scale start")


def hold(bench, description, report):
    """The whole command. `report` makes the text of README.md out of (arguments, {workload: {subject: [result]}})."""
    given = parse(bench, description)
    reason = None if given.force else machine.busy_reason()
    if reason:
        sys.exit(f"not now: {reason}; --force measures all the same")
    os.makedirs(given.directory, exist_ok=True)
    with open(os.path.join(given.directory, bench.name + ".jsonl"), "a", encoding="utf-8") as out:
        results = measure(bench, given, out)
    text = report(given, results)
    print(text)
    if not given.quick and not given.no_readme:
        write_readme(bench.name, text)


def parse(bench, description):
    subjects = list(dict.fromkeys(name for workload in bench.workloads.values() for name in workload.subjects))
    arguments = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--quick", action="store_true", help="one short run each: does it work?")
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--only", action="append", choices=list(bench.workloads))
    arguments.add_argument(f"--{bench.subject}s", dest="subjects", default=",".join(subjects),
                           help="with ',' between them (default: %(default)s)")
    arguments.add_argument("--directory", default=os.path.join(machine.ROOT, "build", "bench"))
    arguments.add_argument("--force", action="store_true", help="measure although the machine is busy")
    arguments.add_argument("--no-readme", action="store_true")
    given = arguments.parse_args()
    given.subjects = given.subjects.split(",")
    if wrong := set(given.subjects) - set(subjects):
        arguments.error(f"no such {bench.subject}: {', '.join(sorted(wrong))}; there are {', '.join(subjects)}")
    if given.quick:
        given.runs = 1
    return given


def measure(bench, given, out):
    """Subjects alternate within a workload, so that a machine that slows down slows all of them."""
    scale, results = bench.scale(given.quick), {}
    for name in given.only or bench.workloads:
        workload = bench.workloads[name]
        for turn in range(given.runs):
            for subject in (one for one in workload.subjects if one in given.subjects):
                began = time.monotonic()
                with bench.start(subject, given.directory, workload, turn) as started:
                    result = workload.run(started, scale)
                results.setdefault(name, {}).setdefault(subject, []).append(result)
                out.write(json.dumps({"workload": name, bench.subject: subject, "turn": turn, **result}) + "\n")
                out.flush()
                print(f"{workload.title} | {subject} | {time.monotonic() - began:.0f} s", flush=True)
                for metric in workload.metrics:
                    print(f"    {metric.label}: {result[metric.key]:.6g}", flush=True)
    return results


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def median(runs, key):
    return statistics.median(run[key] for run in runs)


def spread(runs, key):
    """The median, and the least and the greatest where there are several."""
    values = [run[key] for run in runs]
    middle = number(statistics.median(values))
    return f"{middle} ({number(min(values))}-{number(max(values))})" if len(values) > 1 else middle


def line(cells):
    return "| " + " | ".join(cells) + " |"


def table(head, rows):
    return ["", line(head), "|" + "---|" * len(head), *map(line, rows)]


def measured(given):
    """The beginning of every report."""
    return (f"Measured {datetime.date.today()} at {machine.commit()} on {machine.described()}; median of {given.runs} "
            "(least-greatest).")


def write_readme(name, text):
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    with open(README, encoding="utf-8") as file:
        old = file.read()
    if begin not in old:
        sys.exit(f"{README} has no {begin}")
    before, after = old.split(begin)[0], old.split(end)[1]
    with open(README, "w", encoding="utf-8") as file:
        file.write(f"{before}{begin}\n{text}{end}{after}")
