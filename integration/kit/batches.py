"""RecordBatch v2 byte by byte: built with any field wrong, and taken apart again.

    build([Record(value=b"x")], codec=ZSTD, producer=(7, 0, 0)); parse_all(fetched bytes)
"""

import gzip
import os
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from wire import _zigzag, crc32c  # noqa: E402

NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)
LOG_APPEND_TIME, TRANSACTIONAL, CONTROL = 1 << 3, 1 << 4, 1 << 5
SEQUENCE_MAX = 2**31 - 1
_HEADER = struct.Struct(">qiiBIhiqqqhii")
HEADER_BYTES = _HEADER.size
CRC_COVERS_FROM = 21
CRC_AT = 17


def now_ms():
    return int(time.time() * 1000)


class Record:
    def __init__(self, value=b"value", key=None, timestamp=None):
        self.value, self.key, self.timestamp = value, key, timestamp


def values(count, size=10):
    return [Record(value=b"%0*d" % (size, n)) for n in range(count)]


def _bytes(data):
    return _zigzag(-1) if data is None else _zigzag(len(data)) + data


def _compressed(data, codec):
    if codec == GZIP:
        return gzip.compress(data)
    if codec == ZSTD:  # one raw block: a frame any decoder reads
        assert len(data) < 256
        return b"\x28\xb5\x2f\xfd\x20" + bytes([len(data)]) + struct.pack("<I", len(data) << 3 | 1)[:3] + data
    return data


def build(records, codec=NONE, attributes=0, producer=(-1, -1, -1), **wrong):
    """One batch. `wrong` replaces header fields: base_offset, last_delta, count, max_timestamp, magic, crc."""
    base = records[0].timestamp if records and records[0].timestamp is not None else now_ms()
    stamps = [base if record.timestamp is None else record.timestamp for record in records]
    body = b""
    for at, (record, stamp) in enumerate(zip(records, stamps)):
        one = b"\x00" + _zigzag(stamp - base) + _zigzag(at) + _bytes(record.key) + _bytes(record.value) + _zigzag(0)
        body += _zigzag(len(one)) + one
    tail = struct.pack(">hiqqqhii", attributes | codec, wrong.get("last_delta", len(records) - 1), base,
                       wrong.get("max_timestamp", max(stamps, default=base)), *producer,
                       wrong.get("count", len(records))) + _compressed(body, codec)
    head = struct.pack(">iBI", -1, wrong.get("magic", 2), wrong.get("crc", crc32c(tail)))
    return struct.pack(">qi", wrong.get("base_offset", 0), len(head) + len(tail)) + head + tail


def sized(size):
    """A batch of one record that is exactly `size` bytes on the wire."""
    length = size - HEADER_BYTES - 16
    while True:
        batch = build([Record(value=b"x" * length)])
        if len(batch) >= size:
            assert len(batch) == size, f"no batch of {size} bytes exists"
            return batch
        length += size - len(batch)


class Batch:
    def __init__(self, data):
        self.bytes = data
        (self.base_offset, _, self.leader_epoch, self.magic, self.crc, self.attributes, self.last_delta,
         self.base_timestamp, self.max_timestamp, self.producer_id, self.producer_epoch, self.base_sequence,
         self.count) = _HEADER.unpack_from(data)

    @property
    def next_offset(self):
        return self.base_offset + self.last_delta + 1

    def crc_matches(self):
        return crc32c(self.bytes[CRC_COVERS_FROM:]) == self.crc


def parse_all(data):
    """The batches of a fetched partition; a partial one at the end is an error here."""
    batches, at = [], 0
    while at < len(data or b""):
        size = 12 + struct.unpack_from(">i", data, at + 8)[0]
        assert at + size <= len(data), "a partial batch at the end"
        batches.append(Batch(data[at : at + size]))
        at += size
    return batches
