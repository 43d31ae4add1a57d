"""A broker process of one test: started on a free loopback port, ended by its pid, its log read at the end.

    with Broker(directory, {"num.partitions": "3"}) as broker:
        broker.bootstrap ... broker.kill(); broker.start()

THALWEG_BINARY names the program. With THALWEG_STORE=minio or =radosgw every broker that has no store or log of its own
keeps everything in a bucket of a server of this process, and has no --data; what is about a directory asks `in_bucket()`
first. THALWEG_PEER=kafka starts Apache Kafka instead, which is how the tests themselves are checked; what only Thalweg
promises asks `is_peer()` first.
"""

import atexit
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import fetch_clients  # noqa: E402
import s3_servers  # noqa: E402
from ports import free_port  # noqa: E402

START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 60
# What never belongs in a log: an error-level line, a failed CHECK, a sanitizer's report.
ALARM = re.compile(r"^\S+ (?:\x1b\[[0-9;]*m)?error\b|CHECK failed|ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:",
                   re.MULTILINE)


def is_peer():
    return os.environ.get("THALWEG_PEER") == "kafka"


def in_bucket():
    return "THALWEG_STORE" in os.environ and not is_peer()


def binary():
    default = os.path.join(fetch_clients.ROOT, "build", "release", "thalweg")
    return os.path.realpath(os.environ.get("THALWEG_BINARY", default))


def _peer_command(directory, port, settings):
    properties = {
        "process.roles": "broker,controller", "node.id": "1",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{free_port()}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER", "log.dirs": os.path.join(directory, "logs"),
        "offsets.topic.replication.factor": "1", "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1", "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1", "offsets.topic.num.partitions": "4",
    }
    controller = properties["listeners"].rsplit(":", 1)[1]
    properties["controller.quorum.voters"] = f"1@127.0.0.1:{controller}"
    properties.update({key: value for key, value in settings.items() if not key.startswith("thalweg.")})
    config = os.path.join(directory, "server.properties")
    java = ["java", "-Xmx2g", "-cp", fetch_clients.kafka_classpath(), "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
    fresh = not os.path.exists(config)
    with open(config, "w", encoding="utf-8") as file:
        file.writelines(f"{key}={value}\n" for key, value in properties.items())
    if fresh:
        subprocess.run([*java, "kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qk", "-c", config],
                       check=True, stdout=subprocess.DEVNULL)
    return [*java, "kafka.Kafka", config]


_store_server = None


def _bucket_of(directory):
    """The settings and the environment by which a broker in `directory` finds its bucket, made at its first start."""
    global _store_server
    if _store_server is None:
        folder = tempfile.mkdtemp(prefix="thalweg-store-")
        _store_server = s3_servers.KINDS[os.environ["THALWEG_STORE"]](folder).start()
        atexit.register(lambda: (_store_server.kill(), shutil.rmtree(folder, ignore_errors=True)))
    name = "b" + hashlib.sha256(os.path.realpath(directory).encode()).hexdigest()[:20]
    _store_server.make_bucket(name)
    return {"thalweg.store": _store_server.url(name)}, _store_server.environment


class Broker:
    """Owns one process and its directory. `settings` are configuration keys; `prefix` goes before the command.

    A `diskless` one has no --data, and runs in a directory of its own, `machine`, which is empty at every start.
    """

    def __init__(self, directory, settings=None, port=None, prefix=(), environment=None, diskless=False):
        os.makedirs(directory, exist_ok=True)
        self.directory = directory
        self.settings = {"group.initial.rebalance.delay.ms": "0", **(settings or {})}
        self.port = port or free_port()
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.log_path = os.path.join(directory, "broker.log")
        self.prefix = list(prefix)
        self.environment = environment or {}
        if in_bucket() and not {"thalweg.store", "thalweg.chunks"} & set(self.settings):
            store, keys = _bucket_of(directory)
            self.settings.update(store)
            self.environment.update(keys)
            diskless = True
        self.machine = os.path.join(directory, "machine") if diskless else None
        self.process = None
        self.expected_alarms = []
        self.listening_seconds = None

    def __enter__(self):
        return self.start()

    def __exit__(self, failure, *_):
        if self.process and self.process.poll() is None:
            self.stop() if failure is None else self.kill()
        if failure is None:
            self.assert_quiet_log()
        else:
            print(f"--- the last of {self.log_path}:\n{self.log()[-3000:]}", file=sys.stderr)

    def command(self):
        if is_peer():
            return _peer_command(self.directory, self.port, self.settings)
        data = [] if self.machine else ["--data", os.path.join(self.directory, "data")]
        command = [binary(), "serve", *data, "--listen", self.bootstrap]
        for key, value in self.settings.items():
            command += ["--set", f"{key}={value}"]
        return command

    def start(self, wait=True):
        assert self.process is None or self.process.poll() is not None, "already running"
        command = self.prefix + self.command()
        began = time.monotonic()
        environment = {key: value for key, value in os.environ.items() if not key.startswith("THALWEG_")}
        environment.update(self.environment)
        if self.machine:
            shutil.rmtree(self.machine, ignore_errors=True)
            os.makedirs(self.machine)
            environment["HOME"] = self.machine
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                            env=environment,  # the tests' own variables are no configuration
                                            cwd=self.machine)
        if wait:
            self.wait_listening()
            self.listening_seconds = time.monotonic() - began
        return self

    def wait_listening(self, seconds=START_SECONDS_MAX):
        """Until it answers ApiVersions: a bound port alone may belong to a broker that is still recovering."""
        until = time.monotonic() + seconds
        request = b"\x00\x00\x00\x0b\x00\x12\x00\x00\x00\x00\x00\x01\x00\x01k"
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise AssertionError(f"the broker ended with {self.process.returncode}:\n{self.log()[-3000:]}")
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                    connection.settimeout(5)
                    connection.sendall(request)
                    if len(connection.recv(16)) >= 4:
                        return
            except OSError:
                pass
            time.sleep(0.005)
        raise AssertionError(f"not listening after {seconds} s:\n{self.log()[-3000:]}")

    def stop(self, expect=0):
        """SIGTERM, and the exit code must be `expect`. The JVM answers 143."""
        self._signal(signal.SIGTERM)
        code = self.process.wait(STOP_SECONDS_MAX)
        if expect is not None and not is_peer():
            assert code == expect, f"exit code {code} after SIGTERM:\n{self.log()[-3000:]}"
        return code

    def kill(self):
        """kill -9."""
        self._signal(signal.SIGKILL)
        self.process.wait()

    def _signal(self, number):
        if self.prefix:  # the command runs below its prefix (strace): signal the broker itself
            os.kill(self.pid(), number)
        else:
            self.process.send_signal(number)

    def pid(self):
        if not self.prefix:
            return self.process.pid
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as file:
            return int(file.read().split()[0])

    def running(self):
        return self.process is not None and self.process.poll() is None

    def rss_bytes(self):
        with open(f"/proc/{self.pid()}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+) kB", file.read()).group(1)) * 1024

    def cpu_seconds(self):
        with open(f"/proc/{self.pid()}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def expect_alarm(self, pattern):
        """This test provokes lines that match; any other alarm still fails it."""
        self.expected_alarms.append(re.compile(pattern))

    def assert_quiet_log(self):
        if is_peer():
            return
        for match in ALARM.finditer(self.log()):
            start = self.log().rfind("\n", 0, match.start()) + 1
            line = self.log()[start:].split("\n", 1)[0]
            if not any(pattern.search(line) for pattern in self.expected_alarms):
                raise AssertionError(f"an alarm in {self.log_path}: {line}")
