"""The records every client program writes and reads: a function of (seed, index). See ../clients/README.md."""

import hashlib
import struct

POOL_BYTES = 1 << 20
MASK = 0xFFFFFFFF


def mix(x):
    x &= MASK
    x ^= x >> 16
    x = x * 0x85EBCA6B & MASK
    x ^= x >> 13
    x = x * 0xC2B2AE35 & MASK
    return x ^ x >> 16


class Record:
    __slots__ = ("index", "partition", "key", "value", "headers", "timestamp")

    def __init__(self, index, partition, key, value, headers, timestamp):
        self.index, self.partition, self.key, self.value = index, partition, key, value
        self.headers, self.timestamp = headers, timestamp


class Records:
    """The records 0..count-1 of a run. A library that cannot write a null header value writes an empty one."""

    def __init__(self, partitions, count, size, seed, base_timestamp, null_headers=True):
        self.partitions, self.count, self.size = partitions, count, size
        self.seed, self.base_timestamp, self.null_header = seed, base_timestamp, None if null_headers else b""
        state, pool = seed & MASK, bytearray(POOL_BYTES)
        for at in range(POOL_BYTES):
            state = (state * 1664525 + 1013904223) & MASK
            pool[at] = 97 + (state >> 24) % 26
        self.pool = bytes(pool)

    def record(self, index):
        x = mix(self.seed + index * 0x9E3779B1)
        if x % 5 == 0:
            key = None
        elif x % 7 == 0:
            key = b""
        else:
            key = b"key-%d" % (x % 1000)
        if x % 97 == 1 and key is not None:
            value = None
        elif x % 89 == 1:
            value = b""
        else:
            start = (x >> 3) % (POOL_BYTES - self.size)
            value = self.pool[start : start + 1 + (x >> 7) % self.size]
        headers = []
        for j in range((x >> 5) % 3):
            kind = (x >> (8 + j)) % 4
            headers.append((f"h{j}", self.null_header if kind == 0 else b"" if kind == 1 else b"v%d" % x))
        return Record(index, index % self.partitions, key, value, headers, self.base_timestamp + index)

    def __iter__(self):
        return (self.record(index) for index in range(self.count))

    def digest(self):
        """What a consumer of all of them must print."""
        digest, offsets = Digest(), {}
        for record in self:
            offset = offsets.get(record.partition, 0)
            offsets[record.partition] = offset + 1
            digest.add(record.partition, offset, record.timestamp, record.key, record.value, record.headers)
        return digest.lines()


def _field(data):
    return struct.pack(">i", -1) if data is None else struct.pack(">i", len(data)) + data


class Digest:
    """SHA-256 per partition over offset, timestamp, key, value and headers."""

    def __init__(self):
        self.partitions = {}
        self.count = 0

    def add(self, partition, offset, timestamp, key, value, headers):
        entry = self.partitions.setdefault(partition, [0, hashlib.sha256()])
        entry[0] += 1
        self.count += 1
        parts = [struct.pack(">qq", offset, timestamp), _field(key), _field(value), struct.pack(">i", len(headers))]
        for name, data in headers:
            parts += [_field(name.encode()), _field(data)]
        entry[1].update(b"".join(parts))

    def lines(self):
        return [f"{p} {count} {sha.hexdigest()}" for p, (count, sha) in sorted(self.partitions.items())]
