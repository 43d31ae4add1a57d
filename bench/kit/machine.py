"""What is measured on, and whether it has nothing else to do."""

import os
import platform
import subprocess
import time

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))


def commit():
    done = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True,
                          check=False)
    return done.stdout.strip() or "unknown"


def described():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "?")
    return f"{os.cpu_count()} x {model}, Linux {platform.release()}"


def busy_reason():
    """Why a measurement now would mean nothing, or None."""
    load = os.getloadavg()[0]
    if load > 0.5:
        return f"the load average is {load:.2f}"
    before = _processes()
    time.sleep(1)
    tick = os.sysconf("SC_CLK_TCK")
    for pid, (name, used) in _processes().items():
        share = (used - before.get(pid, (name, used))[1]) / tick
        if pid != os.getpid() and share > 0.05:
            return f"process {pid} ({name}) uses {share:.0%} of a core"
    return None


def _processes():
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                head, tail = file.read().rsplit(")", 1)
        except OSError:
            continue
        fields = tail.split()
        found[int(pid)] = (head.split("(", 1)[1], int(fields[11]) + int(fields[12]))
    return found
