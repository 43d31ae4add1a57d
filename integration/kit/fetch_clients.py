#!/usr/bin/env python3
"""Fetches and builds the clients and the S3 server of the tests, from their package registries, into build/clients.

    fetch_clients.py [NAME...]      all of them by default; a part that is already there is left alone

Each part leaves a stamp that holds a hash of what it was made from, so that changing a version or a client program
makes it again. Other kit files ask this one where things are (CLIENTS, kafka_classpath, python, node_path).
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
SOURCES = os.path.join(ROOT, "integration", "clients")
CLIENTS = os.environ.get("THALWEG_CLIENTS", os.path.join(ROOT, "build", "clients"))

KAFKA_VERSIONS = ("4.3.1", "3.9.1")
KAFKA_JARS = ("kafka_2.13", "kafka-clients", "kafka-tools", "connect-runtime", "connect-file")
LIBRDKAFKA_PACKAGE = "@confluentinc/kafka-javascript@1.10.1"
MINIO_VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"  # its tags are no module versions
S3RVER_PACKAGE = "s3rver@3.7.1"
GO_TOOLCHAIN = "golang.org/toolchain@v0.0.1-go1.26.0.linux-amd64"  # for a Debian whose own go is too old


def kafka_classpath(version=KAFKA_VERSIONS[0]):
    folder = os.path.join(CLIENTS, f"kafka-{version}")
    return f"{folder}/lib/*:{folder}/classes"


def python():
    return os.path.join(CLIENTS, "python", "bin", "python")


def node_path():
    return os.path.join(CLIENTS, "kafkajs", "node_modules")


def program(name):
    return os.path.join(CLIENTS, "bin", name)


def run(*command, cwd=None, env=None):
    done = subprocess.run(command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-4000:]}")
    return done.stdout


def fetch_python():
    folder = os.path.join(CLIENTS, "python")
    run(sys.executable, "-m", "venv", "--clear", folder)
    run(python(), "-m", "pip", "install", "-q", "-r", os.path.join(SOURCES, "requirements.txt"))


def fetch_kafkajs():
    folder = os.path.join(CLIENTS, "kafkajs")
    os.makedirs(folder, exist_ok=True)
    shutil.copy(os.path.join(SOURCES, "kafkajs", "package.json"), folder)
    run("npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error", cwd=folder)


def pom(version):
    depends = "".join(
        f"<dependency><groupId>org.apache.kafka</groupId><artifactId>{name}</artifactId><version>{version}</version>"
        "<exclusions><exclusion><groupId>org.slf4j</groupId><artifactId>slf4j-reload4j</artifactId></exclusion>"
        "</exclusions></dependency>" for name in KAFKA_JARS)
    return ('<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
            "<groupId>thalweg</groupId><artifactId>clients</artifactId><version>1</version><dependencies>" + depends +
            "<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version>"
            "</dependency></dependencies></project>\n")


def fetch_kafka(version):
    folder = os.path.join(CLIENTS, f"kafka-{version}")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    with open(os.path.join(folder, "pom.xml"), "w", encoding="utf-8") as file:
        file.write(pom(version))
    run("mvn", "-q", "-B", "-f", "pom.xml", "dependency:copy-dependencies",
        f"-DoutputDirectory={folder}/lib", cwd=folder)
    run("javac", "-cp", f"{folder}/lib/*", "-d", f"{folder}/classes", os.path.join(SOURCES, "java", "Client.java"))


def go_command():
    """A go of at least 1.26: the installed one, or the toolchain that the module proxy serves."""
    version = run("go", "env", "GOVERSION").strip().removeprefix("go").split(".")
    if (int(version[0]), int(version[1])) >= (1, 26):
        return "go"
    run("go", "mod", "download", GO_TOOLCHAIN, cwd="/")
    folder = os.path.join(run("go", "env", "GOMODCACHE").strip(), GO_TOOLCHAIN)
    for part in ("bin", "pkg/tool/linux_amd64"):
        for name in os.listdir(os.path.join(folder, part)):
            os.chmod(os.path.join(folder, part, name), 0o755)
    return os.path.join(folder, "bin", "go")


def fetch_go():
    os.makedirs(os.path.join(CLIENTS, "bin"), exist_ok=True)
    run(go_command(), "build", "-o", os.path.join(CLIENTS, "bin") + "/", "./franz_go", "./sarama",
        cwd=os.path.join(SOURCES, "go"), env={**os.environ, "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local"})


def fetch_minio():
    os.makedirs(os.path.join(CLIENTS, "bin"), exist_ok=True)
    run(go_command(), "install", f"github.com/minio/minio@{MINIO_VERSION}", cwd="/",
        env={**os.environ, "GOBIN": os.path.join(CLIENTS, "bin"), "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"})


def fetch_s3rver():
    folder = os.path.join(CLIENTS, "s3rver")
    os.makedirs(folder, exist_ok=True)
    run("npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error", S3RVER_PACKAGE, cwd=folder)


def fetch_librdkafka():
    """The current librdkafka, from the source that its JavaScript binding is published with."""
    folder = os.path.join(CLIENTS, "librdkafka")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    archive = run("npm", "pack", "--silent", LIBRDKAFKA_PACKAGE, cwd=folder).split()[-1]
    run("tar", "-xzf", archive, "package/deps/librdkafka", cwd=folder)
    source = os.path.join(folder, "package", "deps", "librdkafka")
    run("bash", "./configure", "--disable-curl", "--disable-gssapi", f"--prefix={folder}/installed", cwd=source)
    run("make", "-j2", "libs", cwd=source)
    run("make", "-C", "src", "install", cwd=source)
    shutil.rmtree(os.path.join(folder, "package"))


def build_librdkafka_client():
    folder = os.path.join(CLIENTS, "librdkafka")
    client = os.path.join(SOURCES, "librdkafka", "client.cc")
    os.makedirs(os.path.join(CLIENTS, "bin"), exist_ok=True)
    common = ["c++", "-std=c++20", "-O2", "-Wall", "-o"]
    run(*common, program("librdkafka"), client, f"-I{folder}/installed/include", f"-L{folder}/installed/lib",
        f"-Wl,-rpath,{folder}/installed/lib", "-lrdkafka", "-lcrypto")
    run(*common, program("librdkafka_debian"), client, "-lrdkafka", "-lcrypto")


# name -> (what makes it, files whose change makes it again)
PARTS = {
    "python": (fetch_python, ["requirements.txt"]),
    "kafkajs": (fetch_kafkajs, ["kafkajs/package.json"]),
    **{f"kafka-{v}": ((lambda v=v: fetch_kafka(v)), ["java/Client.java"]) for v in KAFKA_VERSIONS},
    "go": (fetch_go, ["go/go.mod", "go/go.sum", "go/records/records.go", "go/franz_go/main.go", "go/sarama/main.go"]),
    f"minio-{MINIO_VERSION}": (fetch_minio, []),
    S3RVER_PACKAGE: (fetch_s3rver, []),
    "librdkafka": (fetch_librdkafka, []),
    "librdkafka-client": (build_librdkafka_client, ["librdkafka/client.cc"]),
}


def stamp_of(name, files):
    sha = hashlib.sha256(f"{name} {LIBRDKAFKA_PACKAGE} {CLIENTS} {pom(KAFKA_VERSIONS)}".encode())
    for file in files:
        with open(os.path.join(SOURCES, file), "rb") as stream:
            sha.update(stream.read())
    return sha.hexdigest()


def main():
    os.makedirs(CLIENTS, exist_ok=True)
    for name in sys.argv[1:] or PARTS:
        make, files = PARTS[name]
        stamp_path, stamp = os.path.join(CLIENTS, f"{name}.stamp"), stamp_of(name, files)
        if os.path.exists(stamp_path) and open(stamp_path, encoding="utf-8").read() == stamp:
            continue
        start = time.monotonic()
        make()
        with open(stamp_path, "w", encoding="utf-8") as file:
            file.write(stamp)
        print(f"{name}: {time.monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
