#!/usr/bin/env python3
"""Requests that are wrong in every way: for each API the broker advertises, THALWEG_BAD_INPUTS (default 10000, in CI
spread over the versions) mutated requests. The broker answers or closes the connection; it never dies, never grows
by what a length field claims, and goes on serving others meanwhile.
"""

import os
import random
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "kit"))
import batches  # noqa: E402
import calls  # noqa: E402
import schemas  # noqa: E402
import wire  # noqa: E402
from broker import is_peer  # noqa: E402
from case import SLACK, BrokerTest, create_topic, run_tests, wait_until  # noqa: E402

INPUTS = int(os.environ.get("THALWEG_BAD_INPUTS", "10000"))
SEED = int(os.environ.get("THALWEG_BAD_SEED", "1"))
PIPELINED = 20
ANSWER_SECONDS_MAX = 1
OTHERS_WAIT_SECONDS_MAX = 2.0
GROWTH_BYTES_MAX = 256 << 20
REPEATED_GROWTH_BYTES_MAX = 512 << 20  # an answer being built may take that; see wire's kResponseBytesMax
PEER_DIES_OF = (80, 81, 82)  # Apache Kafka 4.3.1 ends on an AddRaftVoter with an empty listener name


def mutate(chance, body):
    """One way of being wrong; sometimes none."""
    kind, body = chance.randrange(8), bytearray(body)
    if kind == 0 or not body:
        return bytes(body)
    if kind == 1:
        return bytes(body[: chance.randrange(len(body))])
    if kind == 2:
        return bytes(body) + chance.randbytes(chance.choice((1, 4, 100)))
    if kind == 3:
        return chance.randbytes(chance.choice((0, 1, 8, 64)))
    for _ in range(chance.choice((1, 1, 2, 8))):
        at = chance.randrange(len(body))
        if kind in (4, 5):
            body[at] ^= 1 << chance.randrange(8)
        elif kind == 6:
            huge = chance.choice((b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\x80\x00\x00\x00", b"\xff\xff\xff\xff\x07",
                                  b"\xff" * 10, b"\x7f\xff"))
            body[at : at + len(huge)] = huge
        else:
            body[at] = chance.choice((0, 0x7F, 0x80, 0xFF))
    return bytes(body)


class Neighbour(threading.Thread):
    """A well-behaved client on a connection of its own; remembers its longest wait."""

    def __init__(self, broker):
        super().__init__(daemon=True)
        self.broker, self.longest, self.rounds, self.failure = broker, 0.0, 0, None
        self.stopping = threading.Event()

    def run(self):
        try:
            with wire.Connection(self.broker) as connection:
                while not self.stopping.wait(0.05):
                    began = time.monotonic()
                    error, _ = wire.produce(connection, "neighbour", 0, wire.record_batch([b"still here"]))
                    assert error == 0, f"error {error}"
                    self.longest = max(self.longest, time.monotonic() - began)
                    self.rounds += 1
        except (AssertionError, OSError) as failure:
            self.failure = failure


class BadInput(BrokerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        create_topic(cls.broker, "neighbour")

    def send_bad(self, frames):
        """Pipelines frames and drains the answers; after the one that ends the connection, goes on with a new one, so
        that each is looked at. Returns how many were answered."""
        answered, at = 0, 0
        while at < len(frames):
            with wire.Connection(self.broker, ANSWER_SECONDS_MAX) as connection:
                taken = self.answers(connection, frames[at:])
            answered += taken
            at += taken + 1
        return answered

    def answers(self, connection, frames):
        try:
            connection.send(b"".join(frames))
        except OSError:
            pass  # closed while sending: the answers before that are still there
        for count in range(len(frames)):
            try:
                if connection.receive() is None:
                    return count
            except TimeoutError:
                return count  # a legal long poll or join may wait; the connection ends with it
        return len(frames)

    def bad_frames(self, chance, key, low, high):
        schema = wire.REQUESTS[key]
        for _ in range(INPUTS):
            version = chance.randint(max(low, schema.valid.start), min(high, schema.valid.stop - 1))
            value = schema.random_value(chance, version)
            for name in ("MaxWaitMs", "TimeoutMs", "timeoutMs", "SessionTimeoutMs", "RebalanceTimeoutMs"):
                if name in value:
                    value[name] = chance.choice((0, 1, 10))  # a long wait is legal, and this test is about the others
            yield schemas.request_frame(schema, version, mutate(chance, schema.encode(value, version)),
                                        chance.getrandbits(31))

    def test_every_api_survives_mutated_requests(self):
        ranges = wire.api_ranges(self.broker)
        neighbour = Neighbour(self.broker)
        neighbour.start()
        before, sent, answered = self.broker.rss_bytes(), 0, 0
        for key, (low, high) in sorted(ranges.items()):
            if key not in wire.REQUESTS or (is_peer() and key in PEER_DIES_OF):
                continue
            chance = random.Random(SEED * 1000 + key)
            batch = []
            for frame in self.bad_frames(chance, key, low, high):
                batch.append(frame)
                if len(batch) == PIPELINED or chance.random() < 0.1:
                    answered += self.send_bad(batch)
                    sent += len(batch)
                    batch = []
            with self.subTest(api=wire.REQUESTS[key].name):
                self.assertTrue(self.broker.running(), self.broker.log()[-3000:])
                self.assertIsNone(neighbour.failure)
        wait_until(lambda: neighbour.rounds > 10 or neighbour.failure, "the neighbour is served")
        neighbour.stopping.set()
        neighbour.join(30)
        self.assertIsNone(neighbour.failure)
        growth = self.broker.rss_bytes() - before
        print(f"{sent} requests, {answered} answered, the neighbour waited {neighbour.longest:.3f} s at most, "
              f"RSS grew by {growth >> 20} MiB", flush=True)
        self.assertLess(neighbour.longest, OTHERS_WAIT_SECONDS_MAX * SLACK)
        self.assertLess(growth, GROWTH_BYTES_MAX)

    # (api, version, body): valid elements, each asked for again and again, or as many as a frame holds.
    def repeated(self):
        short, string = struct.Struct(">h"), lambda text: struct.pack(">h", len(text)) + text
        array = lambda count, element: struct.pack(">i", count) + element * count
        many = struct.pack(">i", 500_000) + b"".join(string(b"%06x" % n) for n in range(500_000))
        yield "a big topic", 3, 8, array(83_000, string(b"big")) + b"\0\0\0"
        yield "missing topics", 3, 8, many + b"\0\0\0"
        yield "empty names", 3, 8, array(1 << 20, short.pack(0)) + b"\0\0\0"
        yield "configs of one topic", 32, 3, array(100_000, b"\x02" + string(b"big") + b"\xff" * 4) + b"\1\1"
        yield "one group's coordinator", 10, 4, b"\0" + b"\xc1\x84\x3d" + b"\1" * 1_000_000 + b"\0"
        yield "one group", 15, 0, array(500_000, string(b"g"))
        yield "one partition's records", 1, 4, struct.pack(">iiiib", -1, 500, 1, 1 << 20, 0) + array(
            1, string(b"big") + array(100_000, struct.pack(">iqi", 7, 0, 1 << 20)))
        yield "one partition's offset", 2, 1, b"\xff" * 4 + array(100_000, string(b"big") + array(
            1, struct.pack(">iq", 7, 0)))
        yield "one partition's epoch", 23, 2, array(1, string(b"big") + array(200_000, struct.pack(
            ">iii", 7, -1, 0)))
        yield "one topic to grow", 37, 0, array(300_000, string(b"big") + struct.pack(">ii", 2000, -1)) + b"\0" * 5
        yield "topics to check", 19, 4, array(100_000, string(b"new") + b"\xff" * 6 + b"\0" * 8) + b"\0" * 4 + b"\1"

    def test_a_request_that_repeats_itself_costs_little(self):
        create_topic(self.broker, "big", 1000)
        for what, key, version, body in self.repeated():
            with self.subTest(what):
                neighbour = Neighbour(self.broker)
                neighbour.start()
                before, began = self.broker.rss_bytes(), time.monotonic()
                with wire.Connection(self.broker, 60) as connection:
                    frame = struct.pack(">hhih", key, version, 7, -1) + (b"\0" if (key, version) == (10, 4) else b"") + body
                    connection.send(struct.pack(">i", len(frame)) + frame)
                    answer = connection.receive()
                took = time.monotonic() - began
                wait_until(lambda: neighbour.rounds > 3 or neighbour.failure, "the neighbour is served")
                neighbour.stopping.set()
                neighbour.join(30)
                growth = self.broker.rss_bytes() - before
                print(f"{what}: {len(frame)} bytes, " + ("closed" if answer is None else f"{len(answer)} bytes back") +
                      f" after {took:.2f} s, the neighbour waited {neighbour.longest:.3f} s, RSS {growth >> 20:+} MiB",
                      flush=True)
                self.assertIsNone(neighbour.failure)
                self.assertLess(neighbour.longest, OTHERS_WAIT_SECONDS_MAX * SLACK)
                self.assertLess(growth, REPEATED_GROWTH_BYTES_MAX)
                self.assertTrue(self.broker.running(), self.broker.log()[-3000:])

    def test_batches_that_expand_a_thousandfold_hold_up_nobody(self):
        partitions = range(20)
        create_topic(self.broker, "compacted", len(partitions), {"cleanup.policy": "compact"})
        bomb = batches.build([batches.Record(key=b"k", value=bytes(60 << 20))], batches.GZIP)
        neighbour = Neighbour(self.broker)
        neighbour.start()
        with calls.Client(self.broker, 120) as client:
            value = client.produce_value({("compacted", p): bomb for p in partitions}, 9)
            produced = client.call(calls.PRODUCE, 9, value)["Responses"]
            asked = [{"PartitionIndex": p, "Timestamp": 1} for p in partitions]
            found = client.call(calls.LIST_OFFSETS, 10, {"ReplicaId": -1, "IsolationLevel": 0, "Topics": [
                {"Name": "compacted", "Partitions": asked}]})["Topics"][0]["Partitions"]
        neighbour.stopping.set()
        neighbour.join(30)
        taken = [answer["PartitionResponses"][0]["ErrorCode"] for answer in produced].count(calls.NONE)
        print(f"{taken} of {len(partitions)} batches taken, {[one['ErrorCode'] for one in found].count(calls.NONE)} "
              f"looked into, the neighbour waited {neighbour.longest:.3f} s", flush=True)
        self.assertIsNone(neighbour.failure)
        self.assertLess(neighbour.longest, OTHERS_WAIT_SECONDS_MAX * SLACK)
        self.assertTrue(0 < taken < len(partitions))

    def test_frame_lengths_beyond_the_limit_close_the_connection_at_once(self):
        before = self.broker.rss_bytes()
        for length in (-1, -(2**31), 2**31 - 1, (16 << 20) + 1):
            with self.subTest(length=length), wire.Connection(self.broker, 5) as connection:
                connection.send(struct.pack(">i", length) + b"\x00\x12\x00\x00")
                self.assertIsNone(connection.receive())
        self.assertLess(self.broker.rss_bytes() - before, 32 << 20)

    def test_a_request_cut_in_the_middle_is_forgotten(self):
        for _ in range(200):
            with wire.Connection(self.broker, 5) as connection:
                connection.send(struct.pack(">i", 1000) + b"\x00\x00\x00\x09half a request")
        self.assertIn(0, wire.api_ranges(self.broker))

    def test_an_unknown_api_or_version_closes_the_connection(self):
        for key, version in ((9999, 0), (-1, 0), (3, 99), (0, -1)):
            with self.subTest(key=key, version=version), wire.Connection(self.broker, 5) as connection:
                connection.send(struct.pack(">ihhih", 10, key, version, 7, -1))
                self.assertIsNone(connection.receive())

    def test_an_unknown_api_versions_version_is_answered_in_version_0(self):
        with wire.Connection(self.broker, 5) as connection:
            connection.send(struct.pack(">ihhihb", 11, 18, 99, 7, -1, 0))
            frame = connection.receive()
            answer = wire.RESPONSES[18].decode(frame[4:], 0)
        self.assertEqual(answer["ErrorCode"], 35)
        self.assertIn(18, [row["ApiKey"] for row in answer["ApiKeys"]])

    def test_a_corrupt_batch_is_refused_and_leaves_no_trace(self):
        create_topic(self.broker, "corrupt")
        good = wire.record_batch([b"x" * 100])
        with wire.Connection(self.broker) as connection:
            for at in range(12, len(good)):  # past base offset and length: all of it is covered or checked
                bad = bytearray(good)
                bad[at] ^= 1
                error, _ = wire.produce(connection, "corrupt", 0, bytes(bad))
                if at not in range(12, 16):  # the partition leader epoch is the broker's to write
                    self.assertNotEqual(error, 0, f"byte {at} was changed")
            error, offset = wire.produce(connection, "corrupt", 0, good)
        self.assertEqual(error, 0)
        self.assertLessEqual(offset, 4)


if __name__ == "__main__":
    run_tests()
