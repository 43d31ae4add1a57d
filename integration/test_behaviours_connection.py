#!/usr/bin/env python3
"""What every connection may rely on: version negotiation, framing, order of answers, layout of every answer."""

import os
import struct
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "kit"))
import batches  # noqa: E402
import calls  # noqa: E402
import schemas  # noqa: E402
import wire  # noqa: E402
from behaviour import BehaviourTest  # noqa: E402
from broker import Broker, is_peer  # noqa: E402
from case import run_tests  # noqa: E402

# The versions that clients in use cannot do without: hard-coded by kafka-go at the low end and by @platformatic/kafka
# at the high end, and what librdkafka, kafkajs and aiokafka send to any broker.
VERSIONS_CLIENTS_SEND = {
    calls.PRODUCE: (3, 7, 8, 10, 11), calls.FETCH: (4, 5, 10, 11, 12, 16, 17), calls.LIST_OFFSETS: (1, 3, 5, 7, 9),
    calls.METADATA: (0, 1, 5, 6, 8, 10, 11, 12, 13), calls.OFFSET_COMMIT: (2, 3, 5, 8, 9),
    calls.OFFSET_FETCH: (1, 3, 4, 8, 9), calls.FIND_COORDINATOR: (0, 1, 2, 3, 4, 6), calls.JOIN_GROUP: (1, 2, 5, 9),
    calls.HEARTBEAT: (0, 3, 4), calls.LEAVE_GROUP: (0, 1, 4, 5), calls.SYNC_GROUP: (0, 1, 3, 5),
    calls.DESCRIBE_GROUPS: (0, 2, 5, 6), calls.LIST_GROUPS: (1, 2, 4, 5), calls.API_VERSIONS: (0, 2, 3, 4),
    calls.CREATE_TOPICS: (2, 3, 4, 7), calls.DELETE_TOPICS: (1, 4, 6), calls.INIT_PRODUCER_ID: (0, 1, 3, 4, 5),
    calls.OFFSET_FOR_LEADER_EPOCH: (2, 3, 4), calls.DESCRIBE_CONFIGS: (1, 2, 4), calls.CREATE_PARTITIONS: (0, 1, 2, 3),
    calls.DELETE_GROUPS: (0, 1, 2), calls.DESCRIBE_CLUSTER: (0, 1, 2),
}
REQUEST_BYTES_MAX = 100 << 20
CLOSES_AT_ONCE_SECONDS = 5
UNKNOWN_TAG = b"\x01\x63\x02\xab\xcd"  # one tagged field: number 99, two bytes


def minimal(key):
    """A request that is answered at once and changes nothing."""
    if key == calls.PRODUCE:
        return {"TransactionalId": None, "Acks": -1, "TimeoutMs": 1000}
    if key == calls.FETCH:
        return {"MaxWaitMs": 0, "SessionEpoch": -1}
    if key == calls.API_VERSIONS:
        return {"ClientSoftwareName": "integration", "ClientSoftwareVersion": "1"}
    return {}


STOP_SECONDS_MAX = 10  # a client has 5 s to take what it asked for


class Connection(BehaviourTest):
    def frame(self, key, version, value, correlation=1):
        schema = wire.REQUESTS[key]
        return schemas.request_frame(schema, version, schema.encode(value, version), correlation)

    def served(self):
        """(key, version) of all that is advertised, served, and known to the definitions in use."""
        for key, (low, high) in sorted(wire.api_ranges(self.broker).items()):
            if key in VERSIONS_CLIENTS_SEND:
                valid = wire.REQUESTS[key].valid
                for version in range(max(low, valid.start), min(high, valid.stop - 1) + 1):
                    yield key, version

    # Versions

    def test_an_unknown_version_of_api_versions_is_answered_in_version_0_with_its_own_range(self):
        own = wire.api_ranges(self.broker)[calls.API_VERSIONS]
        for version in (own[1] + 1, 99, 32767):
            # The body after the header's empty tags is garbage: it cannot be known how to read it.
            self.client.send(struct.pack(">ihhihbbb", 13, calls.API_VERSIONS, version, 7, -1, 0, -1, 0x7F))
            frame = self.client.receive()
            self.assertEqual(frame[:4], struct.pack(">i", 7))
            answer = wire.RESPONSES[calls.API_VERSIONS].decode(frame[4:], 0)
            self.assert_error(answer, calls.UNSUPPORTED_VERSION)
            self.assertEqual([(row["ApiKey"], row["MinVersion"], row["MaxVersion"]) for row in answer["ApiKeys"]],
                             [(calls.API_VERSIONS, *own)])
        self.assert_error(self.client.call(calls.API_VERSIONS, 0, {}), calls.NONE)

    def test_a_software_name_that_is_no_name_is_an_invalid_request(self):
        for name, version, error in (("librdkafka", "2.15.0-RC1", calls.NONE), ("a", "1", calls.NONE),
                                     ("with space", "1", calls.INVALID_REQUEST), ("", "1", calls.INVALID_REQUEST),
                                     ("-dash", "1", calls.INVALID_REQUEST), ("name", "1.", calls.INVALID_REQUEST)):
            with self.subTest(name=name, version=version):
                answer = self.client.call(calls.API_VERSIONS, 3,
                                          {"ClientSoftwareName": name, "ClientSoftwareVersion": version})
                self.assert_error(answer, error)
                self.assertIsNotNone(answer["ApiKeys"])

    def test_no_supported_feature_with_a_lowest_version_of_0_is_told_to_old_clients(self):
        answer = self.client.call(calls.API_VERSIONS, 3, minimal(calls.API_VERSIONS))
        self.assertTrue(all(feature["MinVersion"] > 0 for feature in answer["SupportedFeatures"]))

    def test_produce_is_advertised_from_version_0_and_served_from_version_3(self):
        # librdkafka before 2.11.1 takes Produce 0 for the sign that compression works.
        self.assertEqual(wire.api_ranges(self.broker)[calls.PRODUCE][0], 0)
        self.client.create(self.name)
        answer = self.client.produce(self.name, batches.build(batches.values(1)), version=3)
        self.assert_error(answer, calls.NONE)

    def test_every_version_that_clients_in_use_send_is_advertised(self):
        ranges = wire.api_ranges(self.broker)
        for key, versions in VERSIONS_CLIENTS_SEND.items():
            with self.subTest(api=wire.REQUESTS[key].name):
                low, high = ranges[key]
                self.assertEqual([v for v in versions if not low <= v <= high], [])

    def test_every_advertised_version_is_answered_in_kafkas_layout_and_unthrottled(self):
        for key, version in self.served():
            with self.subTest(api=wire.REQUESTS[key].name, version=version):
                answer = self.client.call(key, version, minimal(key))
                self.assertEqual(answer.get("ThrottleTimeMs", 0), 0)
                nulls = [field["name"] for field in wire.RESPONSES[key].fields
                         if field["type"].startswith("[]") and "nullableVersions" not in field
                         and answer.get(field["name"], []) is None]
                self.assertEqual(nulls, [], "arrays that are null where Kafka has none")

    def test_unknown_tagged_fields_are_ignored_in_every_flexible_version(self):
        for key, version in self.served():
            schema = wire.REQUESTS[key]
            if version not in schema.flexible:
                continue
            with self.subTest(api=schema.name, version=version):
                body = schema.encode(minimal(key), version)
                self.assertEqual(body[-1:], b"\x00")  # the tags of the outermost struct
                header = struct.pack(">hhih", key, version, 9, 4) + b"test" + UNKNOWN_TAG
                tagged = header + body[:-1] + UNKNOWN_TAG
                self.client.send(struct.pack(">i", len(tagged)) + tagged)
                frame = self.client.receive()
                self.assertIsNotNone(frame, "the connection was closed")
                self.assertEqual(frame[:4], struct.pack(">i", 9))

    # Frames

    def test_an_unknown_api_or_version_closes_the_connection(self):
        for key, version in ((9999, 0), (-1, 0), (calls.METADATA, 99), (calls.FETCH, 3), (calls.METADATA, -1)):
            with self.subTest(key=key, version=version):
                frame = struct.pack(">ihhih", 10, key, version, 7, -1)
                self.assertTrue(self.connect(CLOSES_AT_ONCE_SECONDS).is_closed_after(frame))

    def test_a_frame_that_is_negative_or_too_long_closes_the_connection(self):
        for length in (-1, -(2**31), REQUEST_BYTES_MAX + 1, 2**31 - 1):
            with self.subTest(length=length):
                frame = struct.pack(">i", length)
                self.assertTrue(self.connect(CLOSES_AT_ONCE_SECONDS).is_closed_after(frame))

    def test_a_tls_hello_closes_the_connection_at_once(self):
        hello = bytes.fromhex("16030100c4010000c00303") + bytes(189)
        began = time.monotonic()
        self.assertTrue(self.connect(CLOSES_AT_ONCE_SECONDS).is_closed_after(hello))
        self.assertLess(time.monotonic() - began, CLOSES_AT_ONCE_SECONDS)

    def test_an_http_request_closes_the_connection_at_once(self):
        self.assertTrue(self.connect(CLOSES_AT_ONCE_SECONDS).is_closed_after(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"))

    def test_a_body_that_ends_too_early_closes_the_connection(self):
        frame = self.frame(calls.METADATA, 1, {"Topics": [{"Name": "some-topic"}]})
        cut = struct.pack(">i", len(frame) - 4 - 3) + frame[4:-3]
        self.assertTrue(self.connect(CLOSES_AT_ONCE_SECONDS).is_closed_after(cut))

    # Order

    def test_pipelined_requests_are_applied_and_answered_in_order(self):
        self.client.create(self.name)
        producer = self.client.new_producer()
        sent = []
        for at in range(20):
            batch = batches.build(batches.values(1), producer=(producer, 0, at))
            value = self.client.produce_value({(self.name, 0): batch}, 9)
            sent.append((calls.PRODUCE, 9, self.client.post(calls.PRODUCE, 9, value)))
            if at % 5 == 4:
                sent.append((calls.METADATA, 12, self.client.post(calls.METADATA, 12, {"Topics": []})))
        offsets = []
        for key, version, correlation in sent:
            answer = self.client.answer(key, version)
            self.assertEqual(self.client.answered, correlation)
            if key == calls.PRODUCE:
                partition = answer["Responses"][0]["PartitionResponses"][0]
                self.assert_error(partition, calls.NONE)
                offsets.append(partition["BaseOffset"])
        self.assertEqual(offsets, list(range(20)))

    def test_a_waiting_fetch_holds_up_what_comes_after_it_on_its_connection(self):
        self.client.create(self.name)
        began = time.monotonic()
        first = self.client.post(calls.FETCH, 12, self.client.fetch_value([(self.name, 0, 0)], max_wait_ms=400))
        second = self.client.post(calls.METADATA, 12, {"Topics": []})
        self.client.answer(calls.FETCH, 12)
        self.assertEqual(self.client.answered, first)
        self.assertGreaterEqual(time.monotonic() - began, 0.39)
        self.client.answer(calls.METADATA, 12)
        self.assertEqual(self.client.answered, second)

    # acks

    def test_a_produce_with_acks_0_has_no_answer(self):
        self.client.create(self.name)
        value = self.client.produce_value({(self.name, 0): batches.build(batches.values(2))}, 9, acks=0)
        self.client.post(calls.PRODUCE, 9, value)
        after = self.client.post(calls.LIST_OFFSETS, 7, {"ReplicaId": -1, "Topics": []})
        self.client.answer(calls.LIST_OFFSETS, 7)
        self.assertEqual(self.client.answered, after)
        until = time.monotonic() + 10
        while self.client.list_offset(self.name, -1)["Offset"] != 2:
            self.assertLess(time.monotonic(), until, "the records never came")

    def test_an_error_of_a_produce_with_acks_0_closes_the_connection(self):
        value = self.client.produce_value({("no-such-topic", 0): batches.build(batches.values(1))}, 9, acks=0)
        self.client.post(calls.PRODUCE, 9, value)
        self.assertIsNone(self.client.receive())

    def test_acks_other_than_minus_1_0_and_1_are_refused_per_partition(self):
        self.client.create(self.name)
        for acks in (2, -2, 32767):
            answer = self.client.produce(self.name, batches.build(batches.values(1)), acks=acks)
            self.assert_error(answer, calls.INVALID_REQUIRED_ACKS)
            self.assertEqual(answer["BaseOffset"], -1)
        self.assertEqual(self.client.list_offset(self.name, -1)["Offset"], 0)

    def test_acks_1_is_answered_like_acks_all(self):
        self.client.create(self.name)
        for at, acks in enumerate((1, -1)):
            answer = self.client.produce(self.name, batches.build(batches.values(1)), acks=acks)
            self.assertEqual((answer["ErrorCode"], answer["BaseOffset"]), (calls.NONE, at))

    # The end

    @unittest.skipIf(is_peer(), "Kafka drops what was not sent")
    def test_a_stop_is_not_held_up_by_a_client_that_reads_nothing(self):
        with Broker(os.path.join(self.broker.directory, "stopped")) as broker:
            client = calls.Client(broker)
            self.addCleanup(client.socket.close)
            client.create(self.name, max_message_bytes=20 << 20)
            batch = batches.build([batches.Record(value=b"x" * (4 << 20))])
            for _ in range(10):
                self.assert_error(client.produce(self.name, batch), calls.NONE)
            client.post(calls.FETCH, 12, client.fetch_value(
                [{"Topic": self.name, "Partition": 0, "FetchOffset": 0, "PartitionMaxBytes": 50 << 20}]))
            time.sleep(0.5)
            began = time.monotonic()
            broker.stop()
            self.assertLess(time.monotonic() - began, STOP_SECONDS_MAX)

    # Addresses

    def test_clients_are_told_the_address_of_the_listener_they_came_by(self):
        here = ("127.0.0.1", self.broker.port)
        metadata = self.client.metadata([])
        self.assertEqual([(b["Host"], b["Port"]) for b in metadata["Brokers"]], [here])
        cluster = self.client.call(calls.DESCRIBE_CLUSTER, 1, {})
        self.assertEqual([(b["Host"], b["Port"]) for b in cluster["Brokers"]], [here])
        self.client.create(self.name)
        self.client.commit(self.name, self.name, 0)  # Kafka makes its offsets topic with the first use of a group
        until = time.monotonic() + 30
        while True:
            found = self.client.call(calls.FIND_COORDINATOR, 2, {"Key": self.name, "KeyType": 0})
            if found["ErrorCode"] != calls.COORDINATOR_NOT_AVAILABLE or time.monotonic() > until:
                break
            time.sleep(0.1)
        self.assertEqual((found["ErrorCode"], found["Host"], found["Port"]), (calls.NONE, *here))

    @unittest.skipIf(is_peer(), "Kafka needs an address to advertise")
    def test_a_wildcard_listener_tells_each_client_the_address_it_reached(self):
        broker = Broker(os.path.join(self.broker.directory, "beside"))
        broker.bootstrap = f"0.0.0.0:{broker.port}"
        with broker:
            client = calls.Client(broker)
            self.addCleanup(client.socket.close)
            told = [(b["Host"], b["Port"]) for b in client.metadata([])["Brokers"]]
            self.assertEqual(told, [("127.0.0.1", broker.port)])


if __name__ == "__main__":
    run_tests()
