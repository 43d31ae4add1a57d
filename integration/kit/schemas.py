"""Kafka's own message definitions, read from the kafka-clients jar, and an encoder and decoder driven by them.

A value is a dict by field name; a missing field takes its default. `random_value` fills every field from a
random.Random, so that requests of every API and version can be made without writing any of them down here.
"""

import glob
import io
import json
import os
import re
import struct
import sys
import uuid
import zipfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import fetch_clients  # noqa: E402

_FIXED = {"bool": ">?", "int8": ">b", "int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "int64": ">q",
          "float64": ">d"}


def _range(text):
    """The versions of "3+", "0-4", "7" or "none"."""
    if text in (None, "none"):
        return range(0)
    low, _, high = text.partition("-")
    if text.endswith("+"):
        return range(int(text[:-1]), 1 << 15)
    return range(int(low), int(high or low) + 1)


class Schema:
    """One request or response type."""

    def __init__(self, definition):
        self.name, self.key = definition["name"], definition["apiKey"]
        self.listeners = definition.get("listeners", [])
        self.valid = _range(definition["validVersions"])
        self.flexible = _range(definition.get("flexibleVersions"))
        self.fields = definition["fields"]
        self.common = {struct["name"]: struct["fields"] for struct in definition.get("commonStructs", [])}

    def encode(self, value, version):
        out = io.BytesIO()
        _write_struct(self, out, self.fields, value, version)
        return out.getvalue()

    def decode(self, data, version):
        stream = io.BytesIO(data)
        value = _read_struct(self, stream, self.fields, version)
        rest = stream.read()
        if rest:
            raise ValueError(f"{self.name} v{version}: {len(rest)} bytes too many")
        return value

    def random_value(self, random, version):
        return _random_struct(self, random, self.fields, version, 0)


def load():
    """({api key: request schema}, {api key: response schema})."""
    jar = glob.glob(os.path.join(fetch_clients.CLIENTS, f"kafka-{fetch_clients.KAFKA_VERSIONS[0]}", "lib",
                                 "kafka-clients-*.jar"))[0]
    requests, responses = {}, {}
    with zipfile.ZipFile(jar) as archive:
        for name in archive.namelist():
            if re.match(r"common/message/\w+(Request|Response)\.json$", name):
                text = re.sub(r"^\s*//.*$", "", archive.read(name).decode(), flags=re.MULTILINE)
                definition = json.loads(text)
                if definition["validVersions"] != "none":
                    kind = requests if definition["type"] == "request" else responses
                    kind[definition["apiKey"]] = Schema(definition)
    return requests, responses


def request_frame(schema, version, body, correlation=1, client_id=b"integration"):
    """A whole request: length, header (v2 for flexible versions) and body."""
    header = struct.pack(">hhih", schema.key, version, correlation, len(client_id)) + client_id
    if version in schema.flexible:
        header += b"\x00"
    return struct.pack(">i", len(header) + len(body)) + header + body


def response_body(schema, version, frame):
    """What follows the response header; ApiVersions always has the short one."""
    flexible_header = version in schema.flexible and schema.key != 18
    return frame[5:] if flexible_header else frame[4:]


def _write_varint(out, value):
    while value >= 0x80:
        out.write(bytes([value & 0x7F | 0x80]))
        value >>= 7
    out.write(bytes([value]))


def _read_varint(stream):
    value = shift = 0
    while True:
        byte = stream.read(1)[0]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value
        shift += 7


def _present(field, version):
    return version in _range(field["versions"])


def _tagged(field, version):
    return version in _range(field.get("taggedVersions"))


def _struct_fields(schema, field, type_name):
    return field.get("fields") or schema.common[type_name]


def _default(field, version):
    given, kind = field.get("default"), field["type"]
    if given == "null" or (given is None and version in _range(field.get("nullableVersions")) and kind == "records"):
        return None
    if kind.startswith("[]"):
        return []
    if kind in _FIXED:
        if kind == "bool":
            return given in (True, "true")
        if kind == "float64":
            return float(given or 0)
        return int(str(given), 0) if given not in (None, "") else 0
    return {"string": given or "", "uuid": uuid.UUID(int=0), "bytes": b"", "records": b""}.get(kind, {})


def _write_length(out, length, flexible, narrow):
    """length None is null."""
    if flexible:
        _write_varint(out, 0 if length is None else length + 1)
    else:
        out.write(struct.pack(">h" if narrow else ">i", -1 if length is None else length))


def _write(schema, out, field, type_name, value, version):
    flexible = version in schema.flexible
    if type_name in _FIXED:
        out.write(struct.pack(_FIXED[type_name], value))
    elif type_name == "uuid":
        out.write(value.bytes)
    elif type_name in ("string", "bytes", "records"):
        data = value.encode() if isinstance(value, str) else value
        _write_length(out, None if data is None else len(data), flexible, type_name == "string")
        out.write(data or b"")
    elif type_name.startswith("[]"):
        _write_length(out, None if value is None else len(value), flexible, False)
        for element in value or []:
            _write(schema, out, field, type_name[2:], element, version)
    else:
        if version in _range(field.get("nullableVersions")) and not field["type"].startswith("[]"):
            out.write(struct.pack(">b", -1 if value is None else 1))
            if value is None:
                return
        _write_struct(schema, out, _struct_fields(schema, field, type_name), value, version)


def _write_struct(schema, out, fields, value, version):
    tags = []
    for field in fields:
        if not _present(field, version):
            continue
        given = value.get(field["name"], _default(field, version))
        if not _tagged(field, version):
            _write(schema, out, field, field["type"], given, version)
        elif field["name"] in value:
            body = io.BytesIO()
            _write(schema, body, field, field["type"], given, version)
            tags.append((field["tag"], body.getvalue()))
    if version in schema.flexible:
        _write_varint(out, len(tags))
        for tag, body in sorted(tags):
            _write_varint(out, tag)
            _write_varint(out, len(body))
            out.write(body)


def _read_length(stream, flexible, narrow):
    if flexible:
        return _read_varint(stream) - 1
    return struct.unpack(">h" if narrow else ">i", stream.read(2 if narrow else 4))[0]


def _read(schema, stream, field, type_name, version):
    flexible = version in schema.flexible
    if type_name in _FIXED:
        return struct.unpack(_FIXED[type_name], stream.read(struct.calcsize(_FIXED[type_name])))[0]
    if type_name == "uuid":
        return uuid.UUID(bytes=stream.read(16))
    if type_name in ("string", "bytes", "records"):
        length = _read_length(stream, flexible, type_name == "string")
        data = None if length < 0 else stream.read(length)
        return data.decode() if type_name == "string" and data is not None else data
    if type_name.startswith("[]"):
        length = _read_length(stream, flexible, False)
        return None if length < 0 else [_read(schema, stream, field, type_name[2:], version) for _ in range(length)]
    if version in _range(field.get("nullableVersions")) and not field["type"].startswith("[]"):
        if struct.unpack(">b", stream.read(1))[0] < 0:
            return None
    return _read_struct(schema, stream, _struct_fields(schema, field, type_name), version)


def _read_struct(schema, stream, fields, version):
    value, tagged = {}, {}
    for field in fields:
        if not _present(field, version):
            continue
        if _tagged(field, version):
            tagged[field["tag"]] = field
            value[field["name"]] = _default(field, version)
        else:
            value[field["name"]] = _read(schema, stream, field, field["type"], version)
    if version in schema.flexible:
        for _ in range(_read_varint(stream)):
            tag, length = _read_varint(stream), _read_varint(stream)
            body = stream.read(length)
            if tag in tagged:
                field = tagged[tag]
                value[field["name"]] = _read(schema, io.BytesIO(body), field, field["type"], version)
    return value


_EDGES = {"bool": (0, 1), "int8": (-1, 0, 1, 127), "int16": (-1, 0, 1, 32767), "uint16": (0, 65535),
          "int32": (-1, 0, 1, 5, 2**31 - 1, -(2**31)), "uint32": (0, 2**32 - 1),
          "int64": (-1, 0, 1, 2**63 - 1, -(2**63)), "float64": (0.0, 1.5)}
_STRINGS = ("", "t", "bad-input", "range", "consumer", "no such/name", "x" * 300, "\u00e9\u4e2d")


def _random(schema, random, field, type_name, version, depth):
    if type_name in _FIXED:
        return random.choice(_EDGES[type_name])
    if type_name == "uuid":
        return uuid.UUID(int=random.choice((0, 1, random.getrandbits(128))))
    if type_name == "string":
        return random.choice(_STRINGS)
    if type_name in ("bytes", "records"):
        return random.randbytes(random.choice((0, 1, 61, 200)))
    if type_name.startswith("[]"):
        count = random.choice((0, 1, 1, 2, 5)) if depth < 3 else random.choice((0, 1))
        return [_random(schema, random, field, type_name[2:], version, depth + 1) for _ in range(count)]
    return _random_struct(schema, random, _struct_fields(schema, field, type_name), version, depth + 1)


def _random_struct(schema, random, fields, version, depth):
    value = {}
    for field in fields:
        if not _present(field, version) or (_tagged(field, version) and random.random() < 0.5):
            continue
        if version in _range(field.get("nullableVersions")) and random.random() < 0.2:
            value[field["name"]] = None
        else:
            value[field["name"]] = _random(schema, random, field, field["type"], version, depth)
    return value
