#!/usr/bin/env python3
"""The long form of the integration tests, by hand: every client with every codec, a million small and 2,000 large
records each; 200 crashes; each fault of an object store for a minute, and its outage for two; each trouble of a zone for
half a minute; ten times the bad input; ten million commits; every other file as it is. Then all of them, and as many
crashes, with everything in a bucket of MinIO (parts minio.NAME) and of Ceph's gateway (radosgw.NAME), the clients with
the sizes of CI. Hours on two cores, and 30 GB of disk.

    conformance.py [--binary FILE] [--only PART]... [--test NAME]... [--small N] [--large N] [--crashes N] [--bad N]
"""

import argparse
import fnmatch
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "kit"))
import fetch_clients  # noqa: E402


# What is not run once more in a bucket, and why.
NOT_IN_BUCKET = {name: "starts stores of its own" for name in ("chunks", "s3", "s3_faults", "takeover", "zones")}
NOT_IN_BUCKET.update(fsync_failure="about files", no_space="about a directory", storage_classes="names the places itself")


def parts(given):
    """name -> (file, environment): every test_<name>.py there is, and those that run in a bucket too."""
    long_form = {"THALWEG_CLIENT_CODECS": "all", "THALWEG_CLIENT_SMALL": str(given.small),
                 "THALWEG_CLIENT_LARGE": str(given.large), "THALWEG_CLIENT_SECONDS": "3600"}
    crashes = {"THALWEG_CRASH_ROUNDS": str(given.crashes)}
    known = {"clients": long_form, "kcat": long_form, "bad_input": {"THALWEG_BAD_INPUTS": str(given.bad)},
             "crash": crashes, "commits": {"THALWEG_COMMITS": "1000"},
             "s3_faults": {"THALWEG_FAULT_SECONDS": "60", "THALWEG_OUTAGE_SECONDS": "120"},
             "zones": {"THALWEG_ZONE_SECONDS": "30"}}
    # The gateway keeps its objects in memory.
    in_bucket = {"minio": {"crash": crashes}, "radosgw": {"crash": {**crashes, "THALWEG_CRASH_RATE": "5000"}}}
    there = sorted(file[5:-3] for file in os.listdir(HERE) if file.startswith("test_") and file.endswith(".py"))
    found = {name: (f"test_{name}.py", known.get(name, {})) for name in there}
    for server, settings in in_bucket.items():
        found.update({f"{server}.{name}": (f"test_{name}.py", {**settings.get(name, {}), "THALWEG_STORE": server})
                      for name in there if name not in NOT_IN_BUCKET})
    return found


def chosen(known, patterns):
    """The parts that match, in their order; a pattern that matches none is a mistake."""
    if wrong := [pattern for pattern in patterns if not fnmatch.filter(known, pattern)]:
        sys.exit(f"no such part: {', '.join(wrong)}; there are {', '.join(known)}")
    return [name for name in known if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--binary", default=os.path.join(fetch_clients.ROOT, "build", "release", "thalweg"))
    arguments.add_argument("--only", action="append", metavar="PART",
                           help="test_PART.py, or SERVER.PART; * and ? as for files")
    arguments.add_argument("--test", action="append", default=[], help="Class.test_name within the parts chosen")
    arguments.add_argument("--small", type=int, default=1_000_000)
    arguments.add_argument("--large", type=int, default=2_000)
    arguments.add_argument("--crashes", type=int, default=200)
    arguments.add_argument("--bad", type=int, default=100_000)
    given = arguments.parse_args()
    subprocess.run([sys.executable, os.path.join(HERE, "kit", "fetch_clients.py")], check=True)
    failed, known = [], parts(given)
    print("not run in a bucket:", "; ".join(f"{name}: {why}" for name, why in NOT_IN_BUCKET.items()), flush=True)
    for name in chosen(known, given.only or ["*"]):
        began = time.monotonic()
        print(f"== {name}", flush=True)
        file, environment = known[name]
        done = subprocess.run([sys.executable, os.path.join(HERE, file), *given.test], check=False,
                              env={**os.environ, "THALWEG_BINARY": os.path.realpath(given.binary),
                                   "THALWEG_TIME_SLACK": "1", **environment})
        print(f"== {name}: {'passed' if done.returncode == 0 else 'FAILED'}, {time.monotonic() - began:.0f} s",
              flush=True)
        failed += [name] if done.returncode else []
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
