#!/usr/bin/env python3
"""What ListOffsets finds: the ends of a log, and offsets by time."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "kit"))
import batches  # noqa: E402
import calls  # noqa: E402
from batches import Record, values  # noqa: E402
from behaviour import BehaviourTest  # noqa: E402
from case import run_tests  # noqa: E402

LATEST, EARLIEST, MAX_TIMESTAMP, EARLIEST_LOCAL, LATEST_TIERED, PENDING_UPLOAD = range(-1, -7, -1)
READ_COMMITTED = 1
START = 1_700_000_000_000


class ListOffsets(BehaviourTest):
    def setUp(self):
        super().setUp()
        self.client.create(self.name)

    def found(self, timestamp, **more):
        """(offset, timestamp)"""
        answer = self.client.list_offset(self.name, timestamp, **more)
        self.assert_error(answer, calls.NONE)
        return answer["Offset"], answer["Timestamp"]

    def append_at(self, *times, **more):
        return self.client.append(self.name, [Record(timestamp=START + at) for at in times], **more)

    def test_latest_is_the_high_watermark_and_earliest_the_log_start_without_a_time(self):
        self.assertEqual((self.found(LATEST), self.found(EARLIEST)), ((0, -1), (0, -1)))
        self.append_at(0, 1, 2)
        for version in (1, 2, 4, 6, 7, 8, 9, 10):
            for isolation in (0, READ_COMMITTED) if version > 1 else (0,):
                with self.subTest(version=version, isolation=isolation):
                    self.assertEqual(self.found(LATEST, version=version, isolation=isolation), (3, -1))
                    self.assertEqual(self.found(EARLIEST, version=version, isolation=isolation), (0, -1))

    def test_latest_tells_its_leader_epoch_from_version_4_on(self):
        self.append_at(0)
        epoch = self.client.topic(self.name)["Partitions"][0]["LeaderEpoch"]
        for version in (4, 10):
            self.assertEqual(self.client.list_offset(self.name, LATEST, version=version)["LeaderEpoch"], epoch)

    def test_the_largest_timestamp_is_found_inside_its_batch(self):
        self.assertEqual(self.found(MAX_TIMESTAMP), (-1, -1))
        self.append_at(0, 10)
        self.append_at(20, 500, 30)
        self.append_at(40, 50)
        self.assertEqual(self.found(MAX_TIMESTAMP), (3, START + 500))

    def test_of_equal_largest_timestamps_the_first_is_found(self):
        self.append_at(5, 9, 9)
        self.append_at(9, 1)
        self.assertEqual(self.found(MAX_TIMESTAMP), (1, START + 9))

    def test_the_earliest_local_offset_is_the_earliest(self):
        self.append_at(0, 1)
        self.assertEqual(self.found(EARLIEST_LOCAL)[0], 0)

    def test_there_is_no_tiered_offset(self):
        self.append_at(0, 1)
        answer = self.client.list_offset(self.name, LATEST_TIERED)
        self.assertEqual((answer["ErrorCode"], answer["Offset"], answer["LeaderEpoch"]), (calls.NONE, -1, -1))

    def test_nothing_is_pending_for_upload(self):
        self.append_at(0, 1)
        self.assertEqual(self.found(PENDING_UPLOAD, version=11), (-1, -1))

    def test_a_special_timestamp_below_its_version_is_an_unsupported_version(self):
        for timestamp, version in ((MAX_TIMESTAMP, 6), (EARLIEST_LOCAL, 7), (LATEST_TIERED, 8), (PENDING_UPLOAD, 10),
                                   (-7, 11)):
            with self.subTest(timestamp=timestamp, version=version):
                answer = self.client.list_offset(self.name, timestamp, version=version)
                self.assertEqual((answer["ErrorCode"], answer["Offset"]), (calls.UNSUPPORTED_VERSION, -1))

    def test_an_offset_by_time_is_that_of_the_first_record_at_or_after_it_even_inside_a_batch(self):
        self.append_at(0, 10, 20, 30)
        self.append_at(40, 50)
        for asked, offset in ((0, 0), (1, 1), (10, 1), (25, 3), (30, 3), (31, 4), (45, 5), (50, 5)):
            with self.subTest(asked=asked):
                expected = (0, 10, 20, 30, 40, 50)[offset]
                self.assertEqual(self.found(START + asked), (offset, START + expected))
        self.assertEqual(self.found(0), (0, START))

    def test_an_offset_by_time_is_found_inside_a_compressed_batch(self):
        for at, codec in enumerate((batches.GZIP, batches.ZSTD)):
            self.append_at(1000 * at, 1000 * at + 10, 1000 * at + 20, codec=codec)
        self.assertEqual(self.found(START + 5), (1, START + 10))
        self.assertEqual(self.found(START + 1015), (5, START + 1020))

    def test_records_out_of_order_in_time_are_found_by_the_first_that_is_late_enough(self):
        self.append_at(100, 50)
        self.append_at(20, 200, 10)
        self.append_at(300)
        for asked, offset in ((10, 0), (60, 0), (101, 3), (201, 5)):
            with self.subTest(asked=asked):
                self.assertEqual(self.found(START + asked)[0], offset)

    def test_a_time_after_all_records_finds_minus_1_without_an_error(self):
        self.assertEqual(self.found(START), (-1, -1))
        self.append_at(0, 1)
        self.assertEqual(self.found(START + 2), (-1, -1))
        self.assertEqual(self.found(2**62), (-1, -1))

    def test_an_offset_by_time_tells_the_leader_epoch_of_its_batch(self):
        self.append_at(0)
        batch = batches.parse_all(self.client.fetch((self.name, 0, 0))[0]["Records"])[0]
        self.assertEqual(self.client.list_offset(self.name, START)["LeaderEpoch"], batch.leader_epoch)

    def test_offsets_by_time_are_the_same_after_a_kill(self):
        self.append_at(0, 10, 20)
        self.append_at(30, 500, 40)
        self.restart_after_kill()
        self.assertEqual((self.found(START + 11), self.found(MAX_TIMESTAMP)), ((2, START + 20), (4, START + 500)))
        self.assertEqual((self.found(LATEST), self.found(EARLIEST)), ((6, -1), (0, -1)))

    def test_a_partition_asked_twice_is_an_invalid_request(self):
        partition = {"PartitionIndex": 0, "Timestamp": LATEST}
        answer = self.client.call(calls.LIST_OFFSETS, 7, {"ReplicaId": -1, "Topics": [
            {"Name": self.name, "Partitions": [partition, partition]}]})
        errors = [p["ErrorCode"] for topic in answer["Topics"] for p in topic["Partitions"]]
        self.assertIn(calls.INVALID_REQUEST, errors)

    def test_a_missing_topic_or_partition_is_unknown(self):
        self.assert_error(self.client.list_offset("no-such-topic", LATEST), calls.UNKNOWN_TOPIC_OR_PARTITION)
        self.assert_error(self.client.list_offset(self.name, LATEST, partition=3), calls.UNKNOWN_TOPIC_OR_PARTITION)

    def test_an_acknowledged_record_is_counted_at_once(self):
        for count in range(1, 30):
            self.client.append(self.name, values(1))
            self.assertEqual(self.found(LATEST)[0], count)


if __name__ == "__main__":
    run_tests()
