#!/usr/bin/env python3
"""The long form of the integration tests, by hand: every client with every codec, a million small and 2,000 large
records each; 200 crashes; ten times the bad input; ten million commits. Hours on two cores, and 30 GB of disk.

    conformance.py [--binary FILE] [--only PART]... [--small N] [--large N] [--crashes N] [--bad N]
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
    """name -> (file, environment)."""
    return {
        "clients": ("test_clients.py", {"THALWEG_CLIENT_CODECS": "all", "THALWEG_CLIENT_SMALL": str(given.small),
                                        "THALWEG_CLIENT_LARGE": str(given.large),
                                        "THALWEG_CLIENT_SECONDS": "3600"}),
        "groups": ("test_groups.py", {}),
        "admin": ("test_admin.py", {}),
        "connect": ("test_connect.py", {}),
        "big_records": ("test_big_records.py", {}),
        "bad_input": ("test_bad_input.py", {"THALWEG_BAD_INPUTS": str(given.bad)}),
        "config": ("test_config.py", {}),
        "no_space": ("test_no_space.py", {}),
        "fsync_failure": ("test_fsync_failure.py", {}),
        "crash": ("test_crash.py", {"THALWEG_CRASH_ROUNDS": str(given.crashes)}),
        "commits": ("test_commits.py", {"THALWEG_COMMITS": "1000"}),
    }


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--binary", default=os.path.join(fetch_clients.ROOT, "build", "release", "thalweg"))
    arguments.add_argument("--only", action="append")
    arguments.add_argument("--small", type=int, default=1_000_000)
    arguments.add_argument("--large", type=int, default=2_000)
    arguments.add_argument("--crashes", type=int, default=200)
    arguments.add_argument("--bad", type=int, default=100_000)
    given = arguments.parse_args()
    subprocess.run([sys.executable, os.path.join(HERE, "kit", "fetch_clients.py")], check=True)
    failed, known = [], parts(given)
    for name in given.only or known:
        file, environment = known[name]
        began = time.monotonic()
        print(f"== {name}", flush=True)
        done = subprocess.run([sys.executable, os.path.join(HERE, file)], check=False,
                              env={**os.environ, "THALWEG_BINARY": os.path.realpath(given.binary), **environment})
        print(f"== {name}: {'passed' if done.returncode == 0 else 'FAILED'}, {time.monotonic() - began:.0f} s",
              flush=True)
        failed += [name] if done.returncode else []
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
