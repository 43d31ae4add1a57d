"""A connection that speaks raw frames: for what no client library would send, and for exact error codes."""

import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import schemas  # noqa: E402

REQUESTS, RESPONSES = None, None


def _load():
    global REQUESTS, RESPONSES
    if REQUESTS is None:
        REQUESTS, RESPONSES = schemas.load()


class Connection:
    def __init__(self, broker, seconds=30):
        _load()
        self.socket = socket.create_connection(("127.0.0.1", broker.port), seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.correlation = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, frame):
        self.socket.sendall(frame)

    def receive(self):
        """The next frame without its length; None when the broker closed the connection."""
        head = self._exactly(4)
        return None if head is None else self._exactly(struct.unpack(">i", head)[0])

    def _exactly(self, count):
        parts = []
        while count:
            try:
                part = self.socket.recv(count)
            except ConnectionResetError:
                return None
            if not part:
                return None
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def call(self, key, version, value):
        """One request and its answer, both as dicts."""
        self.correlation += 1
        schema = REQUESTS[key]
        self.send(schemas.request_frame(schema, version, schema.encode(value, version), self.correlation))
        frame = self.receive()
        assert frame is not None, f"{schema.name} v{version}: the broker closed the connection"
        assert struct.unpack(">i", frame[:4])[0] == self.correlation
        return RESPONSES[key].decode(schemas.response_body(RESPONSES[key], version, frame), version)


def api_ranges(broker):
    """{api key: (min, max)} as the broker advertises them."""
    with Connection(broker) as connection:
        answer = connection.call(18, 3, {"ClientSoftwareName": "integration", "ClientSoftwareVersion": "1"})
    return {row["ApiKey"]: (row["MinVersion"], row["MaxVersion"]) for row in answer["ApiKeys"]}


def _crc32c_table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    return table


_CRC = _crc32c_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def _zigzag(value):
    value = (value << 1 ^ value >> 63) & 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def record_batch(values, producer=(-1, -1, -1), now=None):
    """An uncompressed RecordBatch v2 of values without keys. producer = (id, epoch, base sequence)."""
    now = int(time.time() * 1000) if now is None else now
    records = b""
    for at, value in enumerate(values):
        body = b"\x00" + _zigzag(0) + _zigzag(at) + _zigzag(-1) + _zigzag(len(value)) + value + _zigzag(0)
        records += _zigzag(len(body)) + body
    tail = struct.pack(">hiqqqhii", 0, len(values) - 1, now, now, *producer, len(values)) + records
    head = struct.pack(">iBI", 0, 2, crc32c(tail))
    return struct.pack(">qi", 0, len(head) + len(tail)) + head + tail


def produce(connection, topic, partition, batch, version=9, acks=-1, timeout_ms=10000):
    """(error code, base offset) of one batch."""
    answer = connection.call(0, version, {
        "TransactionalId": None, "Acks": acks, "TimeoutMs": timeout_ms,
        "TopicData": [{"Name": topic, "PartitionData": [{"Index": partition, "Records": batch}]}]})
    one = answer["Responses"][0]["PartitionResponses"][0]
    return one["ErrorCode"], one["BaseOffset"]
