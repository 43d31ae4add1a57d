"""The brokers that are compared, and what is read of their processes. One runs at a time, in a fresh directory."""

import os
import re
import shutil
import sys
import tempfile
import time

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "integration", "kit"))
import broker as kit  # noqa: E402

DRAIN_SECONDS_MAX = 60
DRAINED_SHARE = 0.03  # of a core
KAFKA_DRAINED_SECONDS = 1.5
THALWEG_DRAINED_SECONDS = 12  # thalweg.offload.interval.ms and a little: the log is empty then

# name -> (is it Apache Kafka, configuration)
SYSTEMS = {
    "thalweg": (False, {}),
    "kafka": (True, {}),
    "kafka-flush": (True, {"log.flush.interval.messages": "1"}),
}


class System:
    """A running broker of one kind; `directory` is on the disk that is measured and goes with it."""

    def __init__(self, name, parent, settings=None):
        self.name = name
        self.peer, defaults = SYSTEMS[name]
        self.directory = tempfile.mkdtemp(prefix=f"compare-{name}-", dir=parent)
        self.settings = {**defaults, **(settings or {})}
        self.broker = None

    def __enter__(self):
        os.environ["THALWEG_PEER"] = "kafka" if self.peer else ""
        self.broker = kit.Broker(os.path.join(self.directory, "broker"), self.settings)
        try:
            self.broker.start()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_):
        if self.broker.running():
            self.broker.stop(expect=None)
        self._remove()

    def _remove(self):
        if self.broker.running():
            self.broker.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def drained_cpu_seconds(self):
        """CPU seconds so far, once nothing is left to do in the background."""
        quiet = KAFKA_DRAINED_SECONDS if self.peer else THALWEG_DRAINED_SECONDS
        until, quiet_since = time.monotonic() + DRAIN_SECONDS_MAX, time.monotonic()
        last, last_at = self.broker.cpu_seconds(), time.monotonic()
        while time.monotonic() < until:
            time.sleep(0.5)
            now, now_at = self.broker.cpu_seconds(), time.monotonic()
            if (now - last) / (now_at - last_at) > DRAINED_SHARE:
                quiet_since = now_at
            last, last_at = now, now_at
            if now_at - quiet_since >= quiet:
                break
        return last

    def kill_and_restart(self):
        """kill -9 and exec again; does not wait until it listens. When that was."""
        self.broker.kill()
        began = time.monotonic()
        self.broker.start(wait=False)
        return began

    def memory_mib(self):
        """(RSS now, greatest RSS so far)."""
        with open(f"/proc/{self.broker.pid()}/status", encoding="ascii") as file:
            text = file.read()
        return tuple(int(re.search(rf"{key}:\s+(\d+) kB", text).group(1)) / 1024 for key in ("VmRSS", "VmHWM"))
