"""Real S3 servers on loopback: MinIO, built by fetch_clients.py, and Ceph's gateway from Debian's packages; s3rver, which
ignores conditions; and our own stub with the latencies of S3 (bench/s3).

    with Minio(directory) as server:
        server.endpoint ... server.environment ... server.kill(); server.start()

A server keeps its objects in its directory, where the next start finds them. Ended by pid.
"""

import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import fetch_clients  # noqa: E402
from files import file_bytes  # noqa: E402
from ports import free_port  # noqa: E402

START_SECONDS_MAX = 60
KEY_ID = "thalweg-test"
SECRET = "canary-5d1f0c7e"  # looked for in every log


class S3Server:
    """What both have in common: an endpoint, credentials, a life."""

    def __init__(self, directory, tls=False):
        os.makedirs(directory, exist_ok=True)
        self.directory = directory
        self.port = free_port()
        self.endpoint = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.ca_file = self.make_certificate() if tls else None
        self.environment = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET,
                            "AWS_EC2_METADATA_DISABLED": "true"}
        self.processes = []

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()

    def start(self):
        self.launch()
        self.wait_answering()
        return self

    def make_certificate(self):
        folder = os.path.join(self.directory, "certs")
        os.makedirs(folder, exist_ok=True)
        certificate = os.path.join(folder, "public.crt")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-days", "2", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-out", certificate,
                        "-keyout", os.path.join(folder, "private.key")], check=True, capture_output=True)
        return certificate

    def launch(self):
        raise NotImplementedError

    def run(self, *command, environment=None):
        with open(os.path.join(self.directory, "server.log"), "ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                       env={**os.environ, **(environment or {})})
        self.processes.append(process)

    def wait_answering(self):
        until = time.monotonic() + START_SECONDS_MAX
        trust = ssl.create_default_context(cafile=self.ca_file) if self.ca_file else None
        while time.monotonic() < until:
            if any(process.poll() is not None for process in self.processes):
                break
            try:
                urllib.request.urlopen(self.endpoint, timeout=2, context=trust)
                return
            except urllib.error.HTTPError as answered:
                if answered.code != 503:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        with open(os.path.join(self.directory, "server.log"), encoding="utf-8", errors="replace") as log:
            raise AssertionError(f"no S3 server at {self.endpoint}:\n{log.read()[-3000:]}")

    def kill(self):
        """kill -9 of everything it consists of, the last started first."""
        for process in reversed(self.processes):
            process.kill()
            process.wait()
        self.processes = []

    def remove_objects(self):
        """As if its disk had been replaced; while it does not run."""
        shutil.rmtree(os.path.join(self.directory, "objects"))

    def pause(self):
        for process in self.processes:
            process.send_signal(signal.SIGSTOP)

    def resume(self):
        for process in self.processes:
            process.send_signal(signal.SIGCONT)

    def make_bucket(self, name):
        """With curl's signer: a request this simple is one it signs as servers expect. One that is there stays."""
        trust = ["--cacert", self.ca_file] if self.ca_file else []
        done = subprocess.run(["curl", "-sS", *trust, "-w", "%{http_code}", "-X", "PUT", "--aws-sigv4",
                               "aws:amz:us-east-1:s3", "--user", f"{KEY_ID}:{SECRET}", "-H",
                               "x-amz-content-sha256: UNSIGNED-PAYLOAD", f"{self.endpoint}/{name}"],
                              check=True, capture_output=True, text=True, timeout=30)
        assert done.stdout[-3:] in ("200", "409"), done.stdout

    def url(self, bucket, prefix=""):
        return f"s3://{bucket}/{prefix}?endpoint={self.endpoint}"


class Minio(S3Server):
    # It lists no object whose key continues that of another: an object is a directory of its disk.
    CONTRACT_EXCEPT = "*.ObjectsBelowTheKeyOfAnotherAreListed/*"

    def launch(self):
        self.run(fetch_clients.program("minio"), "server", "--quiet", "--address", f"127.0.0.1:{self.port}",
                 "--console-address", "127.0.0.1:0", "--certs-dir", os.path.join(self.directory, "certs"), os.path.join(self.directory, "objects"),
                 environment={"MINIO_ROOT_USER": KEY_ID, "MINIO_ROOT_PASSWORD": SECRET})

    def objects(self, bucket, prefix):
        """{key: bytes on its disk}. An object is a directory: small ones are in its xl.meta, of others the parts lie below."""
        root, found = os.path.join(self.directory, "objects", bucket), {}
        for path, size in file_bytes(os.path.join(root, prefix)).items():
            folder = os.path.dirname(path)
            key = os.path.relpath(folder if path.endswith("xl.meta") else os.path.dirname(folder), root)
            found[key] = found.get(key, 0) + size
        return found


class S3rver(S3Server):
    """It has one bucket, and keys of its own."""

    BUCKET = "bucket"

    def launch(self):
        self.environment.update(AWS_ACCESS_KEY_ID="S3RVER", AWS_SECRET_ACCESS_KEY="S3RVER")
        objects = os.path.join(self.directory, "objects")
        os.makedirs(objects, exist_ok=True)
        self.run("node", os.path.join(fetch_clients.CLIENTS, "s3rver", "node_modules", ".bin", "s3rver"), "--directory",
                 objects, "--address", "127.0.0.1", "--port", str(self.port), "--configure-bucket", self.BUCKET)


class S3Stub(S3Server):
    """bench/s3: it keeps all in memory, checks no signature, and its buckets are there once named."""

    CONTRACT_EXCEPT = ""

    def __init__(self, directory, program, *arguments):
        super().__init__(directory)
        self.program, self.arguments = program, arguments

    def launch(self):
        self.run(self.program, "--port", str(self.port), *self.arguments)

    def counts(self):
        """{bucket: {first component of the key: {"PUT": {"requests": n, "bytes": n}, ...}}}"""
        with urllib.request.urlopen(self.endpoint + "/_counts", timeout=60) as answer:
            return json.load(answer)


CEPH_CONFIG = """[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{mon_port}]
ms bind msgr1 = false
ms mon client mode = crc secure
public network = 127.0.0.0/8
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
mon allow pool size one = true
mon warn on pool no redundancy = false
osd crush chooseleaf type = 0
osd pool default pg num = 4
osd pool default pg autoscale mode = off
mon max pg per osd = 1000
run dir = {directory}/run
log file = {directory}/log/$name.log
admin socket = {directory}/run/$name.asok
pid file = {directory}/run/$name.pid
[mon]
mon data = {directory}/mon
mon initial members = a
mon osd min down reporters = 1
[osd]
osd data = {directory}/osd
osd objectstore = memstore
memstore device bytes = 4294967296
[client.admin]
rgw frontends = beast endpoint=127.0.0.1:{port}
rgw thread pool size = 64
rgw dynamic resharding = false
rgw override bucket index max shards = 1
rgw enable usage log = false
"""


class Radosgw(S3Server):
    """One monitor, one disk in memory, one gateway. It does not survive a kill."""

    CONTRACT_EXCEPT = ""

    def launch(self):
        for name in ("mon", "osd", "run", "log"):
            os.makedirs(os.path.join(self.directory, name), exist_ok=True)
        config, monmap = os.path.join(self.directory, "ceph.conf"), os.path.join(self.directory, "monmap")
        fsid, mon_port = str(uuid.uuid4()), free_port()
        with open(config, "w", encoding="ascii") as file:
            file.write(CEPH_CONFIG.format(fsid=fsid, mon_port=mon_port, port=self.port, directory=self.directory))
        self.ceph("monmaptool", "--create", "--fsid", fsid, "--addv", "a", f"[v2:127.0.0.1:{mon_port}]", monmap)
        self.ceph("ceph-mon", "-c", config, "-i", "a", "--mkfs", "--monmap", monmap)
        self.run("ceph-mon", "-f", "-c", config, "-i", "a")
        self.ceph("ceph", "-c", config, "osd", "create")
        self.ceph("ceph-osd", "-c", config, "-i", "0", "--mkfs", "--mkkey")
        self.ceph("ceph", "-c", config, "osd", "crush", "add", "osd.0", "1.0", "root=default", "host=localhost")
        self.run("ceph-osd", "-f", "-c", config, "-i", "0")
        keyring = os.path.join(self.directory, "keyring")
        open(keyring, "w", encoding="ascii").close()
        self.run("radosgw", "-f", "-c", config, "-n", "client.admin", "--keyring", keyring)
        self.wait_answering()
        self.ceph("radosgw-admin", "-c", config, "user", "create", "--uid=thalweg", "--display-name=thalweg",
                  f"--access-key={KEY_ID}", f"--secret-key={SECRET}")

    def ceph(self, *command):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
                              check=False)
        if done.returncode:
            raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-2000:]}")


KINDS = {"minio": Minio, "radosgw": Radosgw}
