#!/usr/bin/env python3
"""Holds the output of wire_schema_dump against Kafka's own message definitions, field by field and version by version.

Usage: schema_conformance.py PATH_OF_wire_schema_dump

The definitions are the JSON files in the kafka-clients jar, fetched once through Maven into ~/.m2. Only the versions we
serve are compared. Without Maven or the jar the test fails. Before it trusts the comparison, the test damages every
field of the dump in turn and requires that each damage is found.
"""

import copy
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile

KAFKA_VERSION = "4.4.0"
ARTIFACT = f"org.apache.kafka:kafka-clients:{KAFKA_VERSION}"
JAR = os.path.expanduser(
    f"~/.m2/repository/org/apache/kafka/kafka-clients/{KAFKA_VERSION}/"
    f"kafka-clients-{KAFKA_VERSION}.jar")
LAST = 32767
MESSAGES_AT_LEAST = 44


def fetch_jar():
    if os.path.exists(JAR):
        return
    if shutil.which("mvn") is None:
        sys.exit(f"FAIL: {JAR} is missing and there is no mvn to fetch it with")
    fetched = subprocess.run(
        ["mvn", "-q", "-B", "dependency:get", f"-Dartifact={ARTIFACT}", "-Dtransitive=false"])
    if fetched.returncode != 0 or not os.path.exists(JAR):
        sys.exit(f"FAIL: mvn did not fetch {ARTIFACT}")


def read_definition(jar, name):
    text = jar.read(f"common/message/{name}.json").decode()
    return json.loads(re.sub(r"(?m)^\s*//.*$", "", text))


def version_range(text):
    if text in (None, "none"):
        return (0, -1)
    if text.endswith("+"):
        return (int(text[:-1]), LAST)
    first, _, last = text.partition("-")
    return (int(first), int(last or first))


def contains(text, version):
    first, last = version_range(text)
    return first <= version <= last


def snake_case(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def default_of(field, kind):
    """The default as the dump has it; None where there is nothing to compare.

    Kafka gives a nullable field without a stated default an empty value; ours is null (but never for a tagged one).
    """
    stated = field.get("default")
    nullable = "nullableVersions" in field
    if kind == "string":
        if nullable and stated is None:
            return None
        return "null" if stated == "null" else json.dumps(stated or "")
    if kind == "bool":
        return json.dumps(str(stated).lower() == "true")
    if re.fullmatch(r"u?int\d+", kind):
        return str(int(str(stated or 0), 0))
    return None


def expected_fields(fields, version, structs):
    """The fields of a version in the form of the dump, as (what we compare, nested fields)."""
    result = []
    for field in fields:
        if not contains(field["versions"], version):
            continue
        is_array = field["type"].startswith("[]")
        kind = field["type"][2:] if is_array else field["type"]
        nested = field.get("fields") or structs.get(kind)
        kind = "struct" if nested else kind
        is_tagged = contains(field.get("taggedVersions"), version)
        result.append({
            "name": snake_case(field["name"]),
            "type": ("[]" if is_array else "") + kind,
            "nullable": contains(field.get("nullableVersions"), version),
            "tag": field["tag"] if is_tagged else None,
            "default": None if is_array else default_of(field, kind),
            "fields": expected_fields(nested, version, structs) if nested else [],
        })
    return result


def in_wire_order(fields):
    plain = [f for f in fields if f["tag"] is None]
    return plain + sorted((f for f in fields if f["tag"] is not None), key=lambda f: f["tag"])


def compare_fields(ours, theirs, where):
    ours, theirs = in_wire_order(ours), in_wire_order(theirs)
    names, wanted = [f["name"] for f in ours], [f["name"] for f in theirs]
    if names != wanted:
        return [f"{where}: fields {names}, Kafka has {wanted}"]
    found = []
    for mine, kafka in zip(ours, theirs):
        place = f"{where}.{mine['name']}"
        for key in ("type", "nullable", "tag"):
            if mine[key] != kafka[key]:
                found.append(f"{place}: {key} {mine[key]}, Kafka has {kafka[key]}")
        if kafka["default"] is not None:
            default = json.dumps(mine["default"]) if "default" in mine else None
            if default != kafka["default"]:
                found.append(f"{place}: default {default}, Kafka has {kafka['default']}")
        found += compare_fields(mine.get("fields", []), kafka["fields"], place)
    return found


def flexible_since(definition):
    first, last = version_range(definition["flexibleVersions"])
    return first if first <= last else None


def compare_frame(message, definition):
    first, last = version_range(definition["validVersions"])
    found = []
    if message["key"] != definition["apiKey"]:
        found.append(f"{message['name']}: key {message['key']}, Kafka has {definition['apiKey']}")
    if message["first"] < first or message["last"] > last:
        found.append(f"{message['name']}: we serve {message['first']}-{message['last']}, "
                     f"Kafka has {first}-{last}")
    if message["flexible"] != flexible_since(definition):
        found.append(f"{message['name']}: flexible since {message['flexible']}, "
                     f"Kafka since {flexible_since(definition)}")
    served = [str(v) for v in range(message["first"], message["last"] + 1)]
    if list(message["versions"]) != served:
        found.append(f"{message['name']}: versions {list(message['versions'])} are dumped")
    return found


def expected_versions(message, definition):
    structs = {s["name"]: s["fields"] for s in definition.get("commonStructs", [])}
    return {v: expected_fields(definition["fields"], int(v), structs) for v in message["versions"]}


def damages(fields):
    """Each way to damage one field of a version: (undo-able change, description)."""
    for i, field in enumerate(fields):
        yield fields, i, dict(field, name=field["name"] + "_"), "name"
        yield fields, i, dict(field, type=field["type"] + "_"), "type"
        yield fields, i, dict(field, nullable=not field["nullable"]), "nullable"
        yield fields, i, dict(field, tag=99 if field["tag"] is None else None), "tag"
        yield fields, i, None, "absence"
        yield from damages(field.get("fields", []))


def count_undetected(ours, theirs, where):
    """How many damages of `ours` a comparison with `theirs` does not find, and how many were tried."""
    ours = copy.deepcopy(ours)
    undetected = tried = 0
    for fields, i, damaged, what in list(damages(ours)):
        kept = fields[i]
        fields[i:i + 1] = [] if damaged is None else [damaged]
        tried += 1
        if not compare_fields(ours, theirs, where):
            print(f"{where}: a damaged {what} of {kept['name']} is not found")
            undetected += 1
        fields[i:i if damaged is None else i + 1] = [kept]
    return undetected, tried


def main():
    fetch_jar()
    dump = json.loads(subprocess.run([sys.argv[1]], check=True, capture_output=True).stdout)
    found = []
    undetected = tried = versions = 0
    with zipfile.ZipFile(JAR) as jar:
        for message in dump:
            definition = read_definition(jar, message["name"])
            found += compare_frame(message, definition)
            for version, theirs in expected_versions(message, definition).items():
                where = f"{message['name']} v{version}"
                ours = message["versions"][version]
                found += compare_fields(ours, theirs, where)
                missed, made = count_undetected(ours, theirs, where)
                undetected, tried, versions = undetected + missed, tried + made, versions + 1
    for difference in found:
        print(difference)
    print(f"{len(dump)} messages, {versions} versions: {len(found)} differences from Kafka "
          f"{KAFKA_VERSION}; {tried} damages tried, {undetected} not found")
    return 1 if found or undetected or len(dump) < MESSAGES_AT_LEAST or tried == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
