#!/usr/bin/env python3
"""What a fetch returns, when it is answered, and what leader epochs mean to it."""

import os
import sys
import threading
import time
import unittest
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "kit"))
import batches  # noqa: E402
import calls  # noqa: E402
from batches import build, values  # noqa: E402
from behaviour import BehaviourTest  # noqa: E402
from broker import is_peer  # noqa: E402
from case import run_tests  # noqa: E402

READ_COMMITTED = 1
LONG_WAIT_MS = 20000
AT_ONCE_SECONDS = 5  # far below LONG_WAIT_MS, far above a busy machine's hiccup
EPOCHS = 3  # restarts after a kill


class FetchTest(BehaviourTest):
    def setUp(self):
        super().setUp()
        self.client.create(self.name)

    def bases(self, answer):
        return [batch.base_offset for batch in batches.parse_all(answer["Records"])]

    def one(self, offset, topic=None, **more):
        """One partition's answer; what belongs to the partition is named as in FetchPartition."""
        partition = {key: more.pop(key) for key in list(more) if key[0].isupper() and key != "SessionId"}
        return self.client.fetch({"Topic": topic or self.name, "Partition": 0, "FetchOffset": offset, **partition},
                                 **more)[0]


class WhatIsReturned(FetchTest):
    def test_a_fetch_inside_a_batch_returns_the_whole_batch(self):
        self.client.append(self.name, values(2))
        self.client.append(self.name, values(10))
        self.client.append(self.name, values(1))
        for offset in (2, 3, 7, 11):
            self.assertEqual(self.bases(self.one(offset)), [2, 12])
        self.assertEqual(self.bases(self.one(12)), [12])

    def test_a_fetch_at_the_end_is_empty_without_an_error(self):
        self.assertEqual((self.one(0)["ErrorCode"], self.bases(self.one(0))), (calls.NONE, []))
        self.client.append(self.name, values(3))
        answer = self.one(3)
        self.assertEqual((answer["ErrorCode"], self.bases(answer), answer["HighWatermark"]), (calls.NONE, [], 3))

    def test_an_offset_past_the_end_or_before_the_start_is_out_of_range_at_once(self):
        self.client.append(self.name, values(3))
        for offset in (4, 1000, 2**62, -1, -2):
            with self.subTest(offset=offset):
                began = time.monotonic()
                answer = self.one(offset, max_wait_ms=LONG_WAIT_MS)
                self.assertEqual((answer["ErrorCode"], answer["HighWatermark"], self.bases(answer)),
                                 (calls.OFFSET_OUT_OF_RANGE, -1, []))
                self.assertLess(time.monotonic() - began, AT_ONCE_SECONDS)

    def test_the_first_batch_comes_whole_however_small_the_limits(self):
        self.client.append(self.name, values(5, size=1000))
        self.client.append(self.name, values(5, size=1000))
        for limits in ({"PartitionMaxBytes": 1}, {"max_bytes": 1}, {"PartitionMaxBytes": 0},
                       {"PartitionMaxBytes": 1, "max_bytes": 1}):
            with self.subTest(limits=limits):
                self.assertEqual(self.bases(self.one(1, **limits)), [0])

    @unittest.skipIf(is_peer(), "Kafka sends a part of the next batch too")
    def test_batches_come_up_to_the_limit_of_the_partition_and_never_in_part(self):
        for _ in range(6):
            self.client.append(self.name, values(1, size=1000))
        size = len(self.one(5)["Records"])
        answer = self.one(0, PartitionMaxBytes=3 * size + size // 2)
        self.assertEqual(self.bases(answer), [0, 1, 2])

    def test_a_later_partition_keeps_to_the_limits(self):
        two = self.name + "-two"
        self.client.create(two, 2)
        for partition in (0, 1):
            self.client.append(two, values(1, size=5000), partition)
        first, second = self.client.fetch((two, 0, 0), (two, 1, 0), max_bytes=1)
        self.assertEqual((self.bases(first), self.bases(second)), ([0], []))
        self.assertEqual((second["ErrorCode"], second["HighWatermark"]), (calls.NONE, 1))

    def test_partitions_are_read_in_the_order_of_the_request(self):
        many = self.name + "-many"
        self.client.create(many, 3)
        for partition in range(3):
            self.client.append(many, values(1, size=5000), partition)
        for order in ((0, 1, 2), (2, 0, 1), (1, 2, 0)):
            answers = self.client.fetch(*[(many, partition, 0) for partition in order], max_bytes=1)
            self.assertEqual([a["PartitionIndex"] for a in answers], list(order))
            self.assertEqual([bool(a["Records"]) for a in answers], [True, False, False])

    def test_an_empty_partition_in_front_does_not_use_up_the_whole_batch(self):
        two = self.name + "-two"
        self.client.create(two, 2)
        self.client.append(two, values(1, size=5000), 1)
        empty, full = self.client.fetch((two, 0, 0), (two, 1, 0), max_bytes=1)
        self.assertEqual((self.bases(empty), self.bases(full)), ([], [0]))

    def test_every_answer_tells_high_watermark_stable_offset_and_log_start(self):
        self.client.append(self.name, values(7))
        for version in (5, 11, 12, 16):
            name = self.client.topic(self.name)["TopicId"] if version >= 13 else self.name
            for isolation in (0, READ_COMMITTED):
                answer = self.one(3, name, version=version, isolation=isolation)
                self.assertEqual((answer["HighWatermark"], answer["LastStableOffset"], answer["LogStartOffset"]),
                                 (7, 7, 0))

    def test_aborted_transactions_are_null_unless_asked_for_and_then_a_list(self):
        self.client.append(self.name, values(1))
        for version in (4, 11, 12):
            self.assertIsNone(self.one(0, version=version)["AbortedTransactions"])
            self.assertEqual(self.one(0, version=version, isolation=READ_COMMITTED)["AbortedTransactions"] or [], [])

    def test_topics_are_fetched_by_id_from_version_13_on(self):
        found = self.client.topic(self.name)["TopicId"]
        self.client.append(self.name, values(2))
        self.assertEqual(self.bases(self.one(0, found, version=13)), [0])
        unknown = self.one(0, uuid.UUID(int=1 << 70), version=13, max_wait_ms=LONG_WAIT_MS)
        self.assertEqual((unknown["ErrorCode"], unknown["HighWatermark"]), (calls.UNKNOWN_TOPIC_ID, -1))

    def test_a_missing_topic_or_partition_is_unknown(self):
        for topic, partition in (("no-such-topic", 0), (self.name, 1), (self.name, -1)):
            answer = self.client.fetch((topic, partition, 0), max_wait_ms=LONG_WAIT_MS)[0]
            self.assertEqual((answer["ErrorCode"], answer["HighWatermark"]), (calls.UNKNOWN_TOPIC_OR_PARTITION, -1))

    @unittest.skipIf(is_peer(), "Kafka 4.3.1 shows it to everybody")
    def test_a_topic_of_compression_zstd_is_shown_only_from_version_10_on(self):
        zstd = self.name + "-zstd"
        self.client.create(zstd, compression_type="zstd")
        self.client.append(zstd, values(3), codec=batches.ZSTD)
        for version in (4, 9):
            self.assert_error(self.one(0, zstd, version=version), calls.UNSUPPORTED_COMPRESSION)
        self.assertEqual(self.bases(self.one(0, zstd, version=10)), [0])

    def test_zstd_that_a_producer_chose_is_shown_in_every_version(self):
        self.client.append(self.name, values(3), codec=batches.ZSTD)
        for version in (4, 9, 10):
            self.assertEqual(self.bases(self.one(0, version=version)), [0])

    def test_a_fetch_without_a_session_is_answered_without_one(self):
        answer = self.client.call(calls.FETCH, 12, self.client.fetch_value([(self.name, 0, 0)]))
        self.assertEqual((answer["ErrorCode"], answer["SessionId"]), (calls.NONE, 0))

    def test_an_unknown_session_is_told_so(self):
        value = self.client.fetch_value([(self.name, 0, 0)], SessionId=4711, SessionEpoch=5)
        self.assert_error(self.client.call(calls.FETCH, 12, value), calls.FETCH_SESSION_ID_NOT_FOUND)


class WhenItIsAnswered(FetchTest):
    def timed(self, *asked, **more):
        began = time.monotonic()
        answers = self.client.fetch(*asked, **more)
        return answers, time.monotonic() - began

    def test_a_fetch_that_may_not_wait_or_asks_nothing_is_answered_at_once(self):
        for asked, more in (([(self.name, 0, 0)], {"max_wait_ms": 0}), ([], {"max_wait_ms": LONG_WAIT_MS}),
                            ([(self.name, 0, 0)], {"max_wait_ms": LONG_WAIT_MS, "min_bytes": 0})):
            with self.subTest(more=more):
                self.assertLess(self.timed(*asked, **more)[1], AT_ONCE_SECONDS)

    def test_enough_bytes_are_answered_at_once(self):
        self.client.append(self.name, values(1, size=500))
        answers, seconds = self.timed((self.name, 0, 0), max_wait_ms=LONG_WAIT_MS, min_bytes=500)
        self.assertEqual(self.bases(answers[0]), [0])
        self.assertLess(seconds, AT_ONCE_SECONDS)

    def test_an_error_of_one_partition_is_answered_at_once(self):
        other = self.name + "-other"
        self.client.create(other)
        answers, seconds = self.timed((self.name, 0, 0), (other, 0, 99), max_wait_ms=LONG_WAIT_MS)
        self.assertEqual([a["ErrorCode"] for a in answers], [calls.NONE, calls.OFFSET_OUT_OF_RANGE])
        self.assertLess(seconds, AT_ONCE_SECONDS)

    def test_too_few_bytes_are_answered_when_the_wait_is_over(self):
        self.client.append(self.name, values(1))
        answers, seconds = self.timed((self.name, 0, 0), max_wait_ms=300, min_bytes=1 << 20)
        self.assertEqual(self.bases(answers[0]), [0])
        self.assertGreaterEqual(seconds, 0.29)
        self.assertLess(seconds, AT_ONCE_SECONDS)

    def test_a_waiting_fetch_is_woken_by_the_record_it_waits_for(self):
        other = self.name + "-other"
        self.client.create(other)
        waiting = self.connect()
        waiting.post(calls.FETCH, 12, waiting.fetch_value([(other, 0, 0), (self.name, 0, 0)],
                                                          max_wait_ms=LONG_WAIT_MS))
        began = time.monotonic()
        time.sleep(0.1)  # so that it waits; if it does not yet, the test proves less but stays true
        self.client.append(self.name, values(1))
        answer = waiting.answer(calls.FETCH, 12)
        self.assertEqual([self.bases(t["Partitions"][0]) for t in answer["Responses"]], [[], [0]])
        self.assertLess(time.monotonic() - began, AT_ONCE_SECONDS)

    def test_a_waiting_fetch_is_woken_only_when_there_are_enough_bytes(self):
        waiting = self.connect()
        waiting.post(calls.FETCH, 12, waiting.fetch_value([(self.name, 0, 0)], max_wait_ms=LONG_WAIT_MS,
                                                          min_bytes=2500))
        for _ in range(3):
            time.sleep(0.05)
            self.client.append(self.name, values(1, size=1000))
        answer = waiting.answer(calls.FETCH, 12)["Responses"][0]["Partitions"][0]
        self.assertEqual(self.bases(answer), [0, 1, 2])

    def test_many_waiting_fetches_are_all_woken_by_one_record(self):
        waiting = [self.connect() for _ in range(50)]
        for one in waiting:
            one.post(calls.FETCH, 12, one.fetch_value([(self.name, 0, 0)], max_wait_ms=LONG_WAIT_MS))
        began = time.monotonic()
        self.client.append(self.name, values(1))
        for one in waiting:
            self.assertEqual(self.bases(one.answer(calls.FETCH, 12)["Responses"][0]["Partitions"][0]), [0])
        self.assertLess(time.monotonic() - began, AT_ONCE_SECONDS)

    def test_a_record_is_never_shown_before_it_is_acknowledged_as_durable(self):
        # The reader polls as fast as it can: whatever it sees must be below the high watermark it is told.
        stop, seen = threading.Event(), []

        def read():
            with calls.Client(self.broker) as reader:
                offset = 0
                while not stop.is_set():
                    answer = reader.fetch((self.name, 0, offset), max_wait_ms=50)[0]
                    for batch in batches.parse_all(answer["Records"]):
                        offset = batch.next_offset
                    seen.append((offset, answer["HighWatermark"]))
        reader = threading.Thread(target=read)
        reader.start()
        for _ in range(100):
            self.client.append(self.name, values(3))
        stop.set()
        reader.join(30)
        self.assertEqual([pair for pair in seen if pair[0] > pair[1]], [])
        self.assertEqual(seen, sorted(seen))


class LeaderEpochs(FetchTest):
    def epoch(self):
        return self.client.topic(self.name)["Partitions"][0]["LeaderEpoch"]

    def test_a_log_that_parts_from_the_clients_is_told_where(self):
        self.client.append(self.name, values(1))
        current = self.epoch()
        same = {"Topic": self.name, "Partition": 0, "FetchOffset": 0, "LastFetchedEpoch": current}
        self.assertTrue(self.client.fetch(same)[0]["Records"])
        later = self.client.fetch({**same, "LastFetchedEpoch": current + 1})[0]
        self.assert_error(later, calls.OFFSET_OUT_OF_RANGE)

    def test_an_older_leader_epoch_is_fenced_and_a_newer_one_unknown(self):
        self.client.append(self.name, values(2))
        now = self.epoch()
        asked = [(-1, calls.NONE), (now, calls.NONE), (now + 1, calls.UNKNOWN_LEADER_EPOCH)]
        if now > 0:
            asked.append((now - 1, calls.FENCED_LEADER_EPOCH))
        for epoch, error in asked:
            with self.subTest(epoch=epoch, now=now):
                self.assert_error(self.one(0, CurrentLeaderEpoch=epoch), error)
                self.assert_error(self.client.list_offset(self.name, -1, CurrentLeaderEpoch=epoch), error)
                self.assert_error(self.client.end_of_epoch(self.name, now, current=epoch), error)

    def test_the_end_of_an_unknown_epoch_is_minus_1(self):
        self.client.append(self.name, values(2))
        for epoch in (self.epoch() + 1, self.epoch() + 100, -1):
            answer = self.client.end_of_epoch(self.name, epoch)
            self.assertEqual((answer["ErrorCode"], answer["LeaderEpoch"], answer["EndOffset"]), (calls.NONE, -1, -1))

    def test_the_end_of_the_current_epoch_is_the_end_of_the_log_in_every_version(self):
        self.client.append(self.name, values(5))
        for version in (2, 3, 4):
            answer = self.client.end_of_epoch(self.name, self.epoch(), version=version)
            self.assertEqual((answer["ErrorCode"], answer["LeaderEpoch"], answer["EndOffset"]),
                             (calls.NONE, self.epoch(), 5))

    def test_the_end_of_an_epoch_of_a_missing_partition_is_unknown(self):
        self.assert_error(self.client.end_of_epoch("no-such-topic", 0), calls.UNKNOWN_TOPIC_OR_PARTITION)
        self.assert_error(self.client.end_of_epoch(self.name, 0, 5), calls.UNKNOWN_TOPIC_OR_PARTITION)

    @unittest.skipIf(is_peer(), "how often Kafka raises an epoch is its own affair")
    def test_the_leader_epoch_rises_with_every_kill_and_every_past_one_ends_where_it_ended(self):
        ends, end = {}, 0
        for _ in range(EPOCHS):
            epoch = self.epoch()
            self.assertTrue(all(past < epoch for past in ends), f"{epoch} after {ends}")
            end = self.client.append(self.name, values(3)) + 3
            ends[epoch] = end
            self.restart_after_kill()
        final = self.epoch()
        self.assertGreater(final, max(ends))
        self.client.append(self.name, values(4))
        for epoch, at in ends.items():
            answer = self.client.end_of_epoch(self.name, epoch)
            self.assertEqual((answer["ErrorCode"], answer["LeaderEpoch"], answer["EndOffset"]),
                             (calls.NONE, epoch, at))
            self.assert_error(self.one(0, CurrentLeaderEpoch=epoch), calls.FENCED_LEADER_EPOCH)
        self.assertEqual(self.client.end_of_epoch(self.name, final)["EndOffset"], end + 4)
        written, at = [], 0
        while at < end + 4:
            for batch in batches.parse_all(self.one(at)["Records"]):
                at = batch.next_offset
                written.append((batch.leader_epoch, at))
        self.assertEqual(written, [*ends.items(), (final, end + 4)])

    def test_an_epoch_without_a_record_ends_where_the_one_before_it_ends(self):
        self.client.append(self.name, values(2))
        first = self.epoch()
        self.restart_after_kill()
        silent = self.epoch()
        self.restart_after_kill()
        self.client.append(self.name, values(1))
        if silent in (first, self.epoch()):
            self.skipTest("the epoch did not rise")
        answer = self.client.end_of_epoch(self.name, silent)
        self.assertEqual((answer["LeaderEpoch"], answer["EndOffset"]), (first, 2))


if __name__ == "__main__":
    run_tests()
