"""Where the log is: in one bucket of S3 Standard, in one zone of S3 Express, in three. A broker without a disk over a stub."""

import os
import shutil
import sys
import tempfile
import time

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "bench", "compare"))
import systems  # noqa: E402
import s3_servers  # noqa: E402  (integration/kit, on the path through systems)

MIB, GIB = 1 << 20, 1 << 30
STUB = os.path.join(ROOT, "build", "release", "s3_stub")
REGION = "region"
ZONES = ["zone-a--x-s3", "zone-b--x-s3", "zone-c--x-s3"]  # so named, they answer as S3 Express does
RESERVE_MIB = 6144  # the segments of a run, and three zones of chunks; what the stub touches later stalls it
DRAINED_SECONDS_MAX = 60
QUIET_SECONDS = 11  # thalweg.offload.interval.ms and a little: what is in the log by then stays there

# name -> (title, the buckets of the log, bytes of a full chunk, dollars for 1,000 puts in the founding price table)
PLACES = {
    "standard": ("S3 Standard", [REGION], 4 * MIB, 0.005),
    "express1": ("S3 Express, 1 zone", ZONES[:1], 512 << 10, 0.0025),
    "express3": ("S3 Express, 3 zones", ZONES, 512 << 10, 0.0025),
}


class Place:
    """A stub and a broker over it; both end with it. Has what the workloads of bench/compare ask of a system."""

    peer = False

    def __init__(self, name, parent, settings=None, reserve_mib=RESERVE_MIB, seed=1):
        self.name = name
        _, self.buckets, self.chunk_bytes, self.dollars_per_1000_puts = PLACES[name]
        self.directory = tempfile.mkdtemp(prefix=f"s3-{name}-", dir=parent)
        self.stub = s3_servers.S3Stub(os.path.join(self.directory, "stub"), STUB, "--reserve-mib", str(reserve_mib),
                                      "--seed", str(seed))
        self.settings = {"thalweg.store": self.stub.url(REGION), **(settings or {})}
        if name != "standard":
            self.settings["thalweg.chunks"] = ",".join(map(self.stub.url, self.buckets))
            self.settings["thalweg.chunks.class"] = "express"
        self.broker = None

    def __enter__(self):
        try:
            self.stub.start()
            self.broker = systems.kit.Broker(os.path.join(self.directory, "broker"), self.settings,
                                             environment=self.stub.environment, diskless=True)
            self.broker.start()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_):
        self._warn()
        self._remove()

    def _warn(self):
        with open(os.path.join(self.stub.directory, "server.log"), encoding="utf-8") as log:
            if "the reserve is used up" in log.read():
                print(f"{self.name}: the stub's reserve was used up, so its latencies are not S3's", file=sys.stderr)

    def _remove(self):
        if self.broker and self.broker.running():
            self.broker.kill()
        self.stub.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def restart(self):
        """Stopped in good order, and started with cold caches."""
        self.broker.stop()
        self.broker.start()

    def cpu_seconds(self):
        """(the broker's, the stub's)."""
        with open(f"/proc/{self.stub.processes[-1].pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return self.broker.cpu_seconds(), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def kill_and_restart(self):
        """kill -9 and exec again; does not wait until it listens. When that was."""
        self.broker.kill()
        began = time.monotonic()
        self.broker.start(wait=False)
        return began

    def total(self, field, purpose, kind, buckets=None):
        """`requests` or `bytes` so far; None is any purpose or bucket."""
        return sum(kinds[kind][field] for bucket, purposes in self.stub.counts().items()
                   for name, kinds in purposes.items()
                   if (buckets is None or bucket in buckets) and purpose in (None, name))

    def wait_drained(self, value_bytes):
        """Until that much has gone into segments and nothing more is put into the store."""
        until, last, quiet_since = time.monotonic() + DRAINED_SECONDS_MAX, None, time.monotonic()
        while time.monotonic() < until:
            now = self.total("requests", None, "PUT")
            if now != last:
                last, quiet_since = now, time.monotonic()
            quiet = time.monotonic() - quiet_since >= QUIET_SECONDS
            if quiet and self.total("bytes", "segment", "PUT") >= value_bytes:
                return
            time.sleep(0.5)
        raise RuntimeError("the log was not moved into segments in time")
