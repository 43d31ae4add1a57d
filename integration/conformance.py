#!/usr/bin/env python3
"""The long form of the integration tests, by hand: every client with every codec, a million small and 2,000 large
records each; 200 crashes, and 200 with everything in a bucket; each fault of an object store for a minute, and its
outage for two; each trouble of a zone for half a minute; ten times the bad input; ten million commits; every other file
as it is. Hours on two cores, and 30 GB of disk.

    conformance.py [--binary FILE] [--only PART]... [--test NAME]... [--small N] [--large N] [--crashes N] [--bad N]
"""

import argparse
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "kit"))
import fetch_clients  # noqa: E402


def parts(given):
    """name -> (file, environment): every test_<name>.py there is, and what runs in another way too."""
    long_form = {"THALWEG_CLIENT_CODECS": "all", "THALWEG_CLIENT_SMALL": str(given.small),
                 "THALWEG_CLIENT_LARGE": str(given.large), "THALWEG_CLIENT_SECONDS": "3600"}
    known = {"clients": long_form, "kcat": long_form, "bad_input": {"THALWEG_BAD_INPUTS": str(given.bad)},
             "crash": {"THALWEG_CRASH_ROUNDS": str(given.crashes)}, "commits": {"THALWEG_COMMITS": "1000"},
             "s3_faults": {"THALWEG_FAULT_SECONDS": "60", "THALWEG_OUTAGE_SECONDS": "120"},
             "zones": {"THALWEG_ZONE_SECONDS": "30"}}
    there = sorted(file[5:-3] for file in os.listdir(HERE) if file.startswith("test_") and file.endswith(".py"))
    found = {name: (f"test_{name}.py", known.get(name, {})) for name in there}
    found["crash_in_bucket"] = ("test_crash.py", {**known["crash"], "THALWEG_STORE": "minio", "THALWEG_CRASH_DISKLESS": "1"})
    return found


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--binary", default=os.path.join(fetch_clients.ROOT, "build", "release", "thalweg"))
    arguments.add_argument("--only", action="append", metavar="PART", help="test_PART.py, or crash_in_bucket")
    arguments.add_argument("--test", action="append", default=[], help="Class.test_name within the parts chosen")
    arguments.add_argument("--small", type=int, default=1_000_000)
    arguments.add_argument("--large", type=int, default=2_000)
    arguments.add_argument("--crashes", type=int, default=200)
    arguments.add_argument("--bad", type=int, default=100_000)
    given = arguments.parse_args()
    subprocess.run([sys.executable, os.path.join(HERE, "kit", "fetch_clients.py")], check=True)
    failed, known = [], parts(given)
    if unknown := set(given.only or ()) - set(known):
        sys.exit(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    for name in given.only or known:
        began = time.monotonic()
        print(f"== {name}", flush=True)
        file, environment = known[name]
        done = subprocess.run([sys.executable, os.path.join(HERE, file), *given.test], check=False,
                              env={**os.environ, "THALWEG_BINARY": os.path.realpath(given.binary), **environment})
        print(f"== {name}: {'passed' if done.returncode == 0 else 'FAILED'}, {time.monotonic() - began:.0f} s",
              flush=True)
        failed += [name] if done.returncode else []
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
