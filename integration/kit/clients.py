"""The client programs as commands, and the Java tools: how a test runs them."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import fetch_clients  # noqa: E402

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
CLIENT_SECONDS_MAX = int(os.environ.get("THALWEG_CLIENT_SECONDS", "300"))


def _script(folder, file):
    return os.path.join(fetch_clients.SOURCES, folder, file)


def _java(version):
    return ["java", "-Xmx512m", "-cp", fetch_clients.kafka_classpath(version),
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]


# name -> (command, codecs)
CLIENTS = {
    "java-4.3": (_java("4.3.1") + ["Client"], CODECS),
    "java-3.9": (_java("3.9.1") + ["Client"], CODECS),
    "librdkafka-2.15": ([fetch_clients.program("librdkafka")], CODECS),
    "librdkafka-2.0": ([fetch_clients.program("librdkafka_debian")], CODECS),
    "confluent-kafka": ([fetch_clients.python(), _script("confluent_kafka", "client.py")], CODECS),
    "franz-go": ([fetch_clients.program("franz_go")], CODECS),
    "sarama": ([fetch_clients.program("sarama")], CODECS),
    "kafka-python": ([fetch_clients.python(), _script("kafka_python", "client.py")], CODECS),
    "aiokafka": ([fetch_clients.python(), _script("aiokafka", "client.py")], CODECS),
    "kafkajs": (["node", _script("kafkajs", "client.js")], ("none", "gzip", "snappy")),
}

# Libraries whose interface cannot write a null header value.
WITHOUT_NULL_HEADERS = ("kafka-python", "kafkajs")


def _run(command, seconds):
    env = {**os.environ, "NODE_PATH": fetch_clients.node_path()}
    try:
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as late:
        raise AssertionError(f"not done after {seconds} s: {' '.join(command)}\n"
                             f"{(late.stderr or b'').decode(errors='replace')[-2000:]}") from late
    if done.returncode:
        raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n"
                             f"{done.stdout[-1000:]}\n{done.stderr[-3000:]}")
    return done.stdout


def call(client, *arguments, seconds=CLIENT_SECONDS_MAX):
    """What the program prints."""
    return _run([*CLIENTS[client][0], *arguments], seconds)


def produce(client, broker, topic, records, codec, seconds=CLIENT_SECONDS_MAX):
    call(client, "produce", broker.bootstrap, topic,
         *map(str, (records.partitions, records.count, records.size, codec, records.seed, records.base_timestamp)),
         seconds=seconds)


def consume(client, broker, topic, group, count, seconds=CLIENT_SECONDS_MAX):
    """The digest lines of everything in the topic."""
    out = call(client, "consume", broker.bootstrap, topic, group, str(count), seconds=seconds)
    return [line for line in out.splitlines() if line and line[0].isdigit()]


# Short names of the Java tools; the value is the main class in the newest version.
TOOLS = {
    "topics": "org.apache.kafka.tools.TopicCommand",
    "configs": "kafka.admin.ConfigCommand",
    "groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "offsets": "org.apache.kafka.tools.GetOffsetShell",
    "api-versions": "org.apache.kafka.tools.BrokerApiVersionsCommand",
    "console-producer": "org.apache.kafka.tools.ConsoleProducer",
    "console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
}
# Those that had another main class before 4.0.
TOOLS_BEFORE_4 = {
    "api-versions": "kafka.admin.BrokerApiVersionsCommand",
    "console-producer": "kafka.tools.ConsoleProducer",
}


def _main_class(name, version):
    return TOOLS_BEFORE_4.get(name, TOOLS[name]) if version.startswith("3.") else TOOLS[name]


def tool(name, broker, *arguments, stdin=None, seconds=120, version="4.3.1", check=True):
    """Runs a Java tool; returns its output, both streams. With check, a failure raises."""
    command = [*_java(version), _main_class(name, version), "--bootstrap-server", broker.bootstrap, *arguments]
    done = subprocess.run(command, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=seconds, check=False)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(command[4:])} ended with {done.returncode}:\n{done.stdout[-3000:]}")
    return done.stdout


def kcat(broker, *arguments, stdin=None, seconds=60):
    done = subprocess.run(["kcat", "-b", broker.bootstrap, *arguments], input=stdin, capture_output=True, text=True,
                          timeout=seconds, check=False)
    if done.returncode:
        raise AssertionError(f"kcat {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout


def start(command, log_path, **more):
    """A client that runs beside the test; the test ends it."""
    with open(log_path, "ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **more)
