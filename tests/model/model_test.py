#!/usr/bin/env python3
"""Runs a model: as it is nothing may be violated, and with each plant something must be.

    model_test.py chunk_log | quorum_fence | metadata_log [--all]      by spin
    model_test.py states CHECKER [--all]                               by model_check, built from this folder
    model_test.py spin NAME [-DFLAG...]      one run of NAME.pml; its head lists sizes and options
"""

import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
RUN_SECONDS_MAX = 500
MEMORY_MIB = 4000

METADATA = ["-DNW=2", "-DC=2", "-DC0=1"]
# model: (flags of the runs that must hold, flags of the runs with a plant, plants).
SPIN = {
    "chunk_log": ([["-DNR=1", "-DK=2"], ["-DNS=1", "-DQ=1", "-DNR=2", "-DK=2"]], ["-DNR=2", "-DK=2"],
                  ["DROP1", "ONERESP", "DW", "NOFENCE", "SEALGC", "NOCAS", "NOREPL", "ACKOOO"]),
    "quorum_fence": ([[]], [], ["ACK1", "OOO", "READSEAL", "RQ1", "NOCAS", "EARLY", "NOREP", "DEL"]),
    "metadata_log": ([METADATA + ["-DN=2"]], METADATA + ["-DN=3"],
                     ["W_NOCHECK", "W_EARLY", "R_ENTRY", "R_404", "STALELIST", "PASSFAIL", "NOOUT", "STALECOND",
                      "INCREUSE", "DELFIRST", "OVERWRITE", "B_BEYOND"]),
}
# With --all: sizes and plants that take minutes.
SPIN_LONG = {
    "chunk_log": ([["-DNS=1", "-DQ=1", "-DNR=2", "-DK=3"]], []),
    "quorum_fence": ([], []),
    "metadata_log": ([METADATA + ["-DN=3"]],
                     ["W_MINE", "W_APPLYFIRST", "R_EARLY", "404FAIL", "NOCTR", "REBATCH", "TWOINFLIGHT", "B_NEWEST"]),
}
# model_check's arguments; true: must hold.
STATES = [(True, "chunk_log 3 2 2 1"), (True, "chunk_log 1 3 2 2"), (True, "chunk_log 3 2 2 1 lease"),
          (False, "chunk_log 3 2 2 2 no-cas")]
STATES += [(False, "chunk_log 3 2 2 1 " + plant)
           for plant in ("drop-one", "one-answer", "watermark", "g-not-frozen", "seals-go", "no-copies", "out-of-order",
                         "emptied-votes", "late-ack")]
STATES_LONG = [(True, "chunk_log 3 2 2 2"), (True, "chunk_log 3 3 2 1")]


def run(command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)


def spin(name, flags, optimize):
    """The number of violations (0 or 1) in all states there are, and how many those were."""
    with tempfile.TemporaryDirectory() as folder:
        made = run(["spin", "-a", *flags, os.path.join(HERE, name + ".pml")], cwd=folder)
        compiled = run(["cc", optimize, "-w", "-DSAFETY", "-DCOLLAPSE", f"-DMEMLIM={MEMORY_MIB}", "-o", "pan", "pan.c"],
                       cwd=folder)
        if made.returncode or compiled.returncode:
            sys.exit(f"{name} {flags}: cannot be built\n{made.stdout}{compiled.stdout}")
        out = run(["./pan", "-E", "-m2000000", "-w22"], cwd=folder, timeout=RUN_SECONDS_MAX).stdout
    errors, states = re.search(r"errors: (\d+)", out), re.search(r"(\d+) states, stored", out)
    whole = "Search not completed" not in out or int(errors[1]) > 0
    if not errors or not whole or "reached" in out.split("State-vector")[0]:
        sys.exit(f"{name} {flags}: not all states were looked at\n{out}")
    return int(errors[1]), int(states[1])


def expect(what, violated, wanted, detail):
    print(f"{what}: {'violated' if violated else 'holds'}, {detail}", flush=True)
    if violated != wanted:
        print(f"{what}: expected that it {'is violated' if wanted else 'holds'}", flush=True)
    return violated == wanted


def check_spin(name, whole):
    sound, planted, plants = SPIN[name]
    if whole:
        sound, plants = sound + SPIN_LONG[name][0], plants + SPIN_LONG[name][1]
    runs = [(flags, False) for flags in sound] + [(planted + ["-DPLANT_" + plant], True) for plant in plants]
    good = True
    for flags, wanted in runs:
        errors, states = spin(name, flags, "-O1" if wanted else "-O2")
        good &= expect(" ".join([name, *flags]), errors > 0, wanted, f"{states} states")
    return good


def check_states(checker, whole):
    good = True
    for holds, arguments in STATES + (STATES_LONG if whole else []):
        done = run([checker, *arguments.split()], timeout=RUN_SECONDS_MAX)
        if done.returncode not in (0, 1):
            sys.exit(f"{arguments}: {done.stdout}")
        good &= expect(arguments, done.returncode == 1, not holds, done.stdout.splitlines()[0])
    return good


def main(words):
    whole = "--all" in words
    words = [word for word in words if word != "--all"]
    if len(words) == 1 and words[0] in SPIN:
        return 0 if check_spin(words[0], whole) else 1
    if len(words) == 2 and words[0] == "states":
        return 0 if check_states(words[1], whole) else 1
    if len(words) >= 2 and words[0] == "spin" and words[1] in SPIN:
        errors, states = spin(words[1], words[2:], "-O2")
        print(f"{errors} violations, {states} states")
        return 1 if errors else 0
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
