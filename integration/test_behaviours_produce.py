#!/usr/bin/env python3
"""What a produced batch must be, what happens to its bytes, and how repeats and gaps of a producer are told."""

import os
import sys
import unittest
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "kit"))
import batches  # noqa: E402
import calls  # noqa: E402
from batches import Record, build, now_ms, values  # noqa: E402
from behaviour import BehaviourTest  # noqa: E402
from broker import is_peer  # noqa: E402
from case import run_tests  # noqa: E402

LEADER_EPOCH_AT, ATTRIBUTES_AT = 12, 21
HOUR_MS, DAY_MS = 3600000, 86400000
REMEMBERED = 5  # batches per producer and partition
# Java and librdkafka end the producer at once on these; with any other they would try again, or half work.
FATAL_TO_A_TRANSACTION = (calls.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, calls.UNSUPPORTED_VERSION)


class ProduceTest(BehaviourTest):
    def setUp(self):
        super().setUp()
        self.client.create(self.name)

    def end(self, topic=None):
        return self.client.list_offset(topic or self.name, -1)["Offset"]

    def stored(self, topic=None):
        return batches.parse_all(self.client.fetch((topic or self.name, 0, 0))[0]["Records"])

    def assert_refused(self, batch, error, topic=None, **more):
        end = self.end(topic)
        answer = self.client.produce(topic or self.name, batch, **more)
        self.assert_error(answer, error)
        self.assertEqual(answer["BaseOffset"], -1)
        self.assertEqual(self.end(topic), end, "a refused batch left something behind")
        return answer


class Batches(ProduceTest):
    def test_exactly_one_batch_of_magic_2_is_taken(self):
        good = build(values(2))
        for name, records in (("two batches", good + good), ("a byte too many", good + b"\x00"), ("none", b""),
                              ("magic 1", build(values(1), magic=1)), ("magic 0", build(values(1), magic=0)),
                              ("magic 3", build(values(1), magic=3))):
            if is_peer() and name in ("a byte too many", "magic 3"):
                continue
            with self.subTest(name):
                self.assert_refused(records, calls.INVALID_RECORD)

    def test_a_batch_numbers_its_records_from_0_without_gaps(self):
        for name, wrong in (("base offset", {"base_offset": 1}), ("last delta", {"last_delta": 2}),
                            ("count", {"count": 1}), ("no records", {"count": 0, "last_delta": -1}),
                            ("negative count", {"count": -2, "last_delta": -3})):
            with self.subTest(name):
                answer = self.client.produce(self.name, build(values(2), **wrong))
                self.assertIn(answer["ErrorCode"], (calls.INVALID_RECORD, calls.CORRUPT_MESSAGE))
        self.assertEqual(self.end(), 0)

    def test_a_control_batch_from_a_client_is_an_invalid_record(self):
        self.assert_refused(build(values(1), attributes=batches.CONTROL), calls.INVALID_RECORD)

    def test_a_producer_id_without_a_sequence_is_an_invalid_record(self):
        self.assert_refused(build(values(1), producer=(self.client.new_producer(), 0, -1)), calls.INVALID_RECORD)

    def test_a_wrong_crc_is_a_corrupt_message(self):
        self.assert_refused(build(values(1), crc=1), calls.CORRUPT_MESSAGE)

    def test_a_change_anywhere_under_the_crc_is_a_corrupt_message(self):
        good = build(values(1))
        for at in range(batches.CRC_AT, len(good)):
            bad = bytearray(good)
            bad[at] ^= 0x80
            self.assert_error(self.client.produce(self.name, bytes(bad)), calls.CORRUPT_MESSAGE)
        self.assertEqual(self.end(), 0)

    def test_zstd_is_refused_before_version_7_and_taken_from_then_on(self):
        batch = build(values(3), codec=batches.ZSTD)
        for version in (3, 6):
            self.assert_refused(batch, calls.UNSUPPORTED_COMPRESSION, version=version)
        self.assert_error(self.client.produce(self.name, batch, version=7), calls.NONE)

    def test_an_unknown_compression_is_refused(self):
        answer = self.client.produce(self.name, build(values(1), codec=5))
        self.assertNotEqual(answer["ErrorCode"], calls.NONE)
        self.assertEqual(self.end(), 0)

    def test_the_other_partitions_of_a_request_are_taken_when_one_is_refused(self):
        other = self.name + "-other"
        self.client.create(other)
        value = self.client.produce_value({(self.name, 0): build(values(1), crc=1), (other, 0): build(values(2)),
                                           (self.name, 9): build(values(1))}, 9)
        answers = [p["ErrorCode"] for t in self.client.call(calls.PRODUCE, 9, value)["Responses"]
                   for p in t["PartitionResponses"]]
        self.assertEqual(sorted(answers), [calls.NONE, calls.CORRUPT_MESSAGE, calls.UNKNOWN_TOPIC_OR_PARTITION])
        self.assertEqual((self.end(), self.end(other)), (0, 2))

    def test_a_batch_is_stored_byte_for_byte_but_for_its_offset_and_leader_epoch(self):
        self.client.append(self.name, values(3))
        for codec in (batches.NONE, batches.GZIP, batches.ZSTD):
            with self.subTest(codec=codec):
                at, sent = self.end(), build([Record(b"value", b"key"), Record(None, b"key")], codec)
                self.assert_error(self.client.produce(self.name, sent), calls.NONE)
                got = batches.parse_all(self.client.fetch((self.name, 0, at))[0]["Records"])[0]
                self.assertEqual(got.base_offset, at)
                self.assertEqual(got.bytes[8:LEADER_EPOCH_AT], sent[8:LEADER_EPOCH_AT])
                self.assertEqual(got.bytes[LEADER_EPOCH_AT + 4 :], sent[LEADER_EPOCH_AT + 4 :])
                self.assertTrue(got.crc_matches())
                self.assertEqual(got.leader_epoch, self.client.topic(self.name)["Partitions"][0]["LeaderEpoch"])

    def test_offsets_are_dense_and_the_answer_tells_the_exact_base_offset(self):
        expected = 0
        for count in (1, 3, 1, 100):
            self.assertEqual(self.client.append(self.name, values(count)), expected)
            expected += count
        self.assertEqual([(b.base_offset, b.count) for b in self.stored()], [(0, 1), (1, 3), (4, 1), (5, 100)])

    def test_the_log_start_is_told_from_version_5_on(self):
        for version in (5, 9, 12):
            self.assertEqual(self.client.produce(self.name, build(values(1)), version=version)["LogStartOffset"], 0)

    def test_a_missing_topic_is_unknown_by_name_and_by_id(self):
        batch = build(values(1))
        self.assert_error(self.client.produce("no-such-topic", batch), calls.UNKNOWN_TOPIC_OR_PARTITION)
        self.assert_error(self.client.produce(self.name, batch, partition=7), calls.UNKNOWN_TOPIC_OR_PARTITION)
        self.assert_error(self.client.produce(uuid.UUID(int=5 << 64), batch, version=13), calls.UNKNOWN_TOPIC_ID)
        found = self.client.topic(self.name)["TopicId"]
        self.assert_error(self.client.produce(found, batch, version=13), calls.NONE)


class LimitsAndTimestamps(ProduceTest):
    def test_a_batch_of_exactly_the_limit_is_taken_and_one_byte_more_is_too_large(self):
        limited = self.name + "-limited"
        self.client.create(limited, max_message_bytes=2000)
        self.assert_refused(batches.sized(2001), calls.MESSAGE_TOO_LARGE, limited)
        self.assert_error(self.client.produce(limited, batches.sized(2000)), calls.NONE)

    def test_the_limit_is_1048588_bytes_unless_the_topic_says_otherwise(self):
        self.assert_refused(batches.sized(1048589), calls.MESSAGE_TOO_LARGE)
        self.assert_error(self.client.produce(self.name, batches.sized(1048588)), calls.NONE)

    def test_a_timestamp_more_than_an_hour_ahead_is_invalid(self):
        ahead = now_ms() + HOUR_MS + 60000
        self.assert_refused(build([Record(timestamp=ahead)]), calls.INVALID_TIMESTAMP)
        self.assert_error(self.client.produce(self.name, build([Record(timestamp=now_ms() + 60000)])), calls.NONE)

    def test_an_old_timestamp_is_invalid_only_where_the_topic_limits_it(self):
        old = build([Record(timestamp=now_ms() - 2 * DAY_MS)])
        self.assert_error(self.client.produce(self.name, old), calls.NONE)
        limited = self.name + "-limited"
        self.client.create(limited, message_timestamp_before_max_ms=DAY_MS)
        self.assert_refused(old, calls.INVALID_TIMESTAMP, limited)

    def test_each_end_of_a_batchs_time_is_checked(self):
        limited = self.name + "-limited"
        self.client.create(limited, message_timestamp_before_max_ms=DAY_MS)
        now = now_ms()
        too_old_first = build([Record(timestamp=now - 2 * DAY_MS), Record(timestamp=now)])
        too_new_last = build([Record(timestamp=now), Record(timestamp=now + 2 * HOUR_MS)])
        self.assert_refused(too_old_first, calls.INVALID_TIMESTAMP, limited)
        self.assert_refused(too_new_last, calls.INVALID_TIMESTAMP, limited)

    def test_create_time_is_kept_and_no_append_time_is_told(self):
        answer = self.client.produce(self.name, build([Record(timestamp=1000), Record(timestamp=3000)]))
        self.assertEqual(answer["LogAppendTimeMs"], -1)
        batch = self.stored()[0]
        self.assertEqual((batch.base_timestamp, batch.max_timestamp), (1000, 3000))

    def test_a_batch_without_a_max_timestamp_gets_that_of_its_records(self):
        now = now_ms()
        records = [Record(timestamp=now - 2000), Record(timestamp=now), Record(timestamp=now - 1000)]
        for codec in (batches.NONE, batches.GZIP, batches.ZSTD):  # as sarama sent them before 2025
            self.assert_error(self.client.produce(self.name, build(records, codec, max_timestamp=-1)), calls.NONE)
            batch = self.stored()[-1]
            self.assertEqual(batch.max_timestamp, now)
            self.assertTrue(batch.crc_matches())
        found = self.client.list_offset(self.name, now - 1500)
        self.assertEqual((found["Offset"], found["Timestamp"]), (1, now))
        largest = self.client.list_offset(self.name, -3)
        self.assertEqual((largest["Offset"], largest["Timestamp"]), (1, now))

    def test_log_append_time_is_stamped_told_and_covered_by_the_crc(self):
        stamped = self.name + "-stamped"
        self.client.create(stamped, message_timestamp_type="LogAppendTime")
        before = now_ms()
        answer = self.client.produce(stamped, build([Record(timestamp=1000)]))
        self.assert_error(answer, calls.NONE)
        self.assertTrue(before <= answer["LogAppendTimeMs"] <= now_ms(), answer)
        batch = self.stored(stamped)[0]
        self.assertTrue(batch.attributes & batches.LOG_APPEND_TIME)
        self.assertEqual(batch.max_timestamp, answer["LogAppendTimeMs"])
        self.assertTrue(batch.crc_matches())

    def test_a_record_without_a_key_is_refused_by_a_compacted_topic_and_named(self):
        compacted = self.name + "-compacted"
        self.client.create(compacted, cleanup_policy="compact")
        batch = build([Record(key=b"k"), Record(key=None), Record(key=b"k"), Record(key=None)])
        answer = self.assert_refused(batch, calls.INVALID_RECORD, compacted, version=8)
        self.assertEqual([fault["BatchIndex"] for fault in answer["RecordErrors"]], [1, 3])
        self.assertTrue(answer["ErrorMessage"])
        for codec in (batches.NONE, batches.GZIP, batches.ZSTD):
            self.assert_refused(build([Record(key=None)], codec), calls.INVALID_RECORD, compacted)
            self.assert_error(self.client.produce(compacted, build([Record(key=b"")], codec)), calls.NONE)


class IdempotentProducers(ProduceTest):
    def setUp(self):
        super().setUp()
        self.producer = self.client.new_producer()

    def send(self, sequence, count=1, epoch=0, producer=None):
        """(error, base offset)."""
        who = (self.producer if producer is None else producer, epoch, sequence)
        answer = self.client.produce(self.name, build(values(count), producer=who))
        return answer["ErrorCode"], answer["BaseOffset"]

    def test_each_of_the_last_5_batches_may_be_repeated_and_gets_its_first_offset(self):
        for at in range(REMEMBERED):
            self.assertEqual(self.send(at * 2, 2), (calls.NONE, at * 2))
        for at in reversed(range(REMEMBERED)):
            self.assertEqual(self.send(at * 2, 2), (calls.NONE, at * 2))
        self.assertEqual(self.end(), 2 * REMEMBERED)

    def test_a_batch_older_than_the_last_5_is_out_of_order(self):
        for at in range(REMEMBERED + 1):
            self.send(at)
        self.assertEqual(self.send(0)[0], calls.OUT_OF_ORDER_SEQUENCE)
        self.assertEqual(self.send(1), (calls.NONE, 1))
        self.assertEqual(self.end(), REMEMBERED + 1)

    def test_a_gap_and_an_overlap_are_out_of_order(self):
        self.send(0, 3)
        for sequence, count in ((4, 1), (2, 1), (0, 2), (1, 3), (0, 4)):
            with self.subTest(sequence=sequence, count=count):
                self.assertEqual(self.send(sequence, count), (calls.OUT_OF_ORDER_SEQUENCE, -1))
        self.assertEqual(self.send(3), (calls.NONE, 3))

    def test_sequences_go_on_at_0_after_the_largest(self):
        self.assertEqual(self.send(batches.SEQUENCE_MAX - 2, 2), (calls.NONE, 0))
        self.assertEqual(self.send(batches.SEQUENCE_MAX, 3), (calls.NONE, 2))  # max, 0, 1
        self.assertEqual(self.send(2), (calls.NONE, 5))
        self.assertEqual(self.send(batches.SEQUENCE_MAX, 3), (calls.NONE, 2))
        self.assertEqual(self.end(), 6)

    def test_an_unknown_producer_may_begin_with_any_sequence(self):
        self.assertEqual(self.send(12345), (calls.NONE, 0))
        self.assertEqual(self.send(12346), (calls.NONE, 1))
        self.assertEqual(self.send(12348)[0], calls.OUT_OF_ORDER_SEQUENCE)

    def test_a_new_epoch_begins_at_sequence_0_and_fences_the_old_one(self):
        self.send(0, epoch=3)
        self.assertEqual(self.send(1, epoch=4)[0], calls.OUT_OF_ORDER_SEQUENCE)
        self.assertEqual(self.send(0, epoch=4), (calls.NONE, 1))
        self.assertEqual(self.send(1, epoch=3)[0], calls.INVALID_PRODUCER_EPOCH)
        self.assertEqual(self.send(0, epoch=3)[0], calls.INVALID_PRODUCER_EPOCH)
        self.assertEqual(self.send(1, epoch=4), (calls.NONE, 2))

    def test_producers_do_not_share_sequences(self):
        other = self.client.new_producer()
        self.assertEqual([self.send(0), self.send(0, producer=other), self.send(1), self.send(1, producer=other)],
                         [(calls.NONE, at) for at in range(4)])

    def test_partitions_do_not_share_sequences(self):
        two = self.name + "-two"
        self.client.create(two, 2)
        for partition in (0, 1):
            answer = self.client.produce(two, build(values(1), producer=(self.producer, 0, 0)), partition)
            self.assertEqual((answer["ErrorCode"], answer["BaseOffset"]), (calls.NONE, 0))

    def test_repeats_gaps_and_old_epochs_are_known_after_a_kill(self):
        for at in range(REMEMBERED + 2):
            self.send(at, epoch=1)
        self.restart_after_kill()
        self.assertEqual(self.send(0, epoch=0)[0], calls.INVALID_PRODUCER_EPOCH)
        self.assertEqual(self.send(1, epoch=1)[0], calls.OUT_OF_ORDER_SEQUENCE)
        self.assertEqual(self.send(REMEMBERED + 3, epoch=1)[0], calls.OUT_OF_ORDER_SEQUENCE)
        for at in range(REMEMBERED + 1 if is_peer() else 2, REMEMBERED + 2):  # Kafka remembers the last batch only
            self.assertEqual(self.send(at, epoch=1), (calls.NONE, at))
        self.assertEqual(self.send(REMEMBERED + 2, epoch=1), (calls.NONE, REMEMBERED + 2))
        self.assertEqual(self.end(), REMEMBERED + 3)

    def test_a_repeat_in_flight_beside_its_original_is_taken_once(self):
        batch = build(values(4), producer=(self.producer, 0, 0))
        value = self.client.produce_value({(self.name, 0): batch}, 9)
        other = self.connect()
        for connection in (self.client, other, self.client, other):
            connection.post(calls.PRODUCE, 9, value)
        answers = [connection.answer(calls.PRODUCE, 9)["Responses"][0]["PartitionResponses"][0]
                   for connection in (self.client, other, self.client, other)]
        self.assertEqual([(a["ErrorCode"], a["BaseOffset"]) for a in answers], [(calls.NONE, 0)] * 4)
        self.assertEqual(self.end(), 4)

    def test_a_producer_id_is_never_given_twice_not_even_after_a_kill(self):
        ids = [self.client.new_producer() for _ in range(50)]
        self.restart_after_kill()
        ids += [self.client.new_producer() for _ in range(50)]
        self.assertEqual(len(set(ids)), len(ids))
        self.assertTrue(all(one >= 0 for one in ids))

    def test_a_new_producer_begins_at_epoch_0_in_every_version(self):
        for version in range(6):
            answer = self.client.call(calls.INIT_PRODUCER_ID, version,
                                      {"TransactionalId": None, "TransactionTimeoutMs": 1, "ProducerId": -1,
                                       "ProducerEpoch": -1})
            self.assertEqual((answer["ErrorCode"], answer["ProducerEpoch"]), (calls.NONE, 0))


class Transactions(ProduceTest):
    def init(self, transactional_id, version):
        return self.client.call(calls.INIT_PRODUCER_ID, version,
                                {"TransactionalId": transactional_id, "TransactionTimeoutMs": 60000,
                                 "ProducerId": -1, "ProducerEpoch": -1})["ErrorCode"]

    def test_an_empty_transactional_id_is_an_invalid_request(self):
        for version in (0, 4, 5):
            self.assertEqual(self.init("", version), calls.INVALID_REQUEST)

    @unittest.skipIf(is_peer(), "Kafka has transactions")
    def test_a_transactional_producer_is_refused_for_good_at_its_first_request(self):
        for version in (1, 2, 3):  # version 0 cannot ask for one
            found = self.client.call(calls.FIND_COORDINATOR, version, {"Key": "tx", "KeyType": 1})
            self.assertIn(found["ErrorCode"], FATAL_TO_A_TRANSACTION)
        for version in (4, 6):
            found = self.client.call(calls.FIND_COORDINATOR, version, {"CoordinatorKeys": ["tx"], "KeyType": 1})
            self.assertIn(found["Coordinators"][0]["ErrorCode"], FATAL_TO_A_TRANSACTION)
        for version in (0, 1, 4, 5):
            self.assertIn(self.init("tx", version), FATAL_TO_A_TRANSACTION)

    @unittest.skipIf(is_peer(), "Kafka has transactions")
    def test_a_transactional_batch_is_refused_for_good(self):
        batch = build(values(1), attributes=batches.TRANSACTIONAL, producer=(self.client.new_producer(), 0, 0))
        answer = self.client.produce(self.name, batch, transactional_id="tx")
        self.assertIn(answer["ErrorCode"], FATAL_TO_A_TRANSACTION)
        self.assertEqual(self.end(), 0)



if __name__ == "__main__":
    run_tests()
