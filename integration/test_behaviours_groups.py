#!/usr/bin/env python3
"""Classic groups step by step: joining, rebalancing, static members, committed offsets, what is told about groups."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "kit"))
import calls  # noqa: E402
from behaviour import BehaviourTest  # noqa: E402
from calls import subscription  # noqa: E402
from case import run_tests  # noqa: E402

SESSION_MS_MIN, SESSION_MS_MAX = 6000, 1800000
METADATA_BYTES_MAX = 4096
GROUP_OPERATIONS = sum(1 << n for n in (3, 6, 8, 10, 11))  # bits of AclOperation, as AclEntry names them for a group


class Member:
    """One consumer with a connection of its own, so that its requests may wait."""

    def __init__(self, test, group, instance=None, version=9, **join):
        self.test, self.group, self.instance, self.version, self.more = test, group, instance, version, join
        self.client, self.id, self.generation, self.joined = test.connect(), "", -1, None

    def start_join(self, **more):
        """Sends the join whose answer may take as long as the rebalance; a new dynamic member gets its id before."""
        if not self.id and self.instance is None and self.version >= 4:
            self.send_join(more)
            self.test.assert_error(self.finish_join(), calls.MEMBER_ID_REQUIRED)
        self.send_join(more)

    def send_join(self, more):
        self.client.post(calls.JOIN_GROUP, self.version, self.client.join_value(
            self.group, self.id, self.instance, **{**self.more, **more}))

    def finish_join(self):
        self.joined = self.client.answer(calls.JOIN_GROUP, self.version)
        if self.joined["ErrorCode"] in (calls.NONE, calls.MEMBER_ID_REQUIRED):
            self.id = self.joined["MemberId"]
        if self.joined["ErrorCode"] == calls.NONE:
            self.generation = self.joined["GenerationId"]
        return self.joined

    def join(self, **more):
        self.start_join(**more)
        return self.finish_join()

    def sync(self, assignments=(), version=5, **more):
        return self.client.sync(self.group, self.id, self.generation, assignments, version,
                                GroupInstanceId=self.instance, **more)

    def heartbeat(self, generation=None):
        return self.client.heartbeat(self.group, self.id, self.generation if generation is None else generation,
                                     self.instance)

    def is_leader(self):
        return self.joined["Leader"] == self.id


class GroupTest(BehaviourTest):
    _coordinator_is_there = False

    def setUp(self):
        super().setUp()
        self.client.create(self.name)
        if not GroupTest._coordinator_is_there:
            # Kafka makes its offsets topic with the first question for a coordinator.
            until = time.monotonic() + 60
            while self.client.commit("first-group", self.name, 0) != calls.NONE:
                self.client.call(calls.FIND_COORDINATOR, 2, {"Key": "first-group", "KeyType": 0})
                self.assertLess(time.monotonic(), until)
                time.sleep(0.1)
            GroupTest._coordinator_is_there = True

    def member(self, instance=None, **more):
        return Member(self, self.name, instance, **more)

    def stable(self, *members):
        """Brings new members into one generation of which the first is the leader, and syncs them."""
        self.rebalance(*members)
        leader, *followers = members
        for member in followers:
            self.post_sync(member)
        self.assert_error(leader.sync(), calls.NONE)
        for member in followers:
            self.assert_error(member.client.answer(calls.SYNC_GROUP, 5), calls.NONE)

    def post_sync(self, member):
        member.client.post(calls.SYNC_GROUP, 5, member.client.sync_value(
            self.name, member.id, member.generation, GroupInstanceId=member.instance))

    def rebalance(self, *members):
        """The first joins alone, the others while it has not joined again: its second join completes the generation."""
        leader, *followers = members
        self.assert_error(leader.join(), calls.NONE)
        for count, member in enumerate(followers, 2):
            member.start_join()
            self.await_told(lambda group, count=count: len(group["Members"]) == count)
        if followers:
            leader.start_join()
            self.finish(*members)
        self.assertTrue(leader.is_leader())
        self.assertEqual({member.generation for member in members}, {leader.generation})

    def finish(self, *members):
        for member in members:
            self.assert_error(member.finish_join(), calls.NONE)

    def state(self):
        return self.client.describe_group(self.name)["GroupState"]

    def await_state(self, state):
        self.await_told(lambda group: group["GroupState"] == state)

    def await_told(self, condition):
        until = time.monotonic() + 10
        while not condition(self.client.describe_group(self.name)):
            self.assertLess(time.monotonic(), until, self.client.describe_group(self.name))


class Joining(GroupTest):
    def test_a_join_of_version_4_or_later_is_given_a_member_id_first(self):
        for version in (4, 5, 9):
            member = Member(self, f"{self.name}-{version}", version=version)
            member.send_join({})
            answer = member.finish_join()
            self.assertEqual(answer["ErrorCode"], calls.MEMBER_ID_REQUIRED)
            self.assertRegex(answer["MemberId"], r"^integration-[0-9A-Za-z_-]{22,36}$")
            given = member.id
            self.assert_error(member.join(), calls.NONE)
            self.assertEqual((member.id, member.generation), (given, 1))

    def test_a_join_before_version_4_is_a_member_at_once(self):
        for version in (0, 1, 3):
            member = Member(self, f"{self.name}-{version}", version=version)
            self.assert_error(member.join(), calls.NONE)
            self.assertTrue(member.id)

    def test_a_session_timeout_outside_the_limits_is_refused(self):
        for session in (SESSION_MS_MIN - 1, SESSION_MS_MAX + 1, 0, -1):
            answer = self.client.join(self.name, session_ms=session)
            self.assert_error(answer, calls.INVALID_SESSION_TIMEOUT)
        for session in (SESSION_MS_MIN, SESSION_MS_MAX):
            self.assert_error(self.client.join(self.name, session_ms=session), calls.MEMBER_ID_REQUIRED)

    def test_an_empty_group_id_is_invalid(self):
        self.assert_error(self.client.join(""), calls.INVALID_GROUP_ID)
        self.assertEqual(self.client.heartbeat("", "m", 1), calls.INVALID_GROUP_ID)

    def test_an_unknown_member_id_is_unknown(self):
        self.assert_error(self.client.join(self.name, member="nobody"), calls.UNKNOWN_MEMBER_ID)
        self.stable(self.member())
        self.assert_error(self.client.join(self.name, member="nobody"), calls.UNKNOWN_MEMBER_ID)
        self.assertEqual(self.client.heartbeat(self.name, "nobody", 1), calls.UNKNOWN_MEMBER_ID)
        self.assert_error(self.client.sync(self.name, "nobody", 1), calls.UNKNOWN_MEMBER_ID)

    def test_a_member_without_a_common_protocol_or_of_another_type_is_inconsistent(self):
        self.stable(self.member())
        sticky = (("sticky", subscription()),)
        for more in ({"protocols": sticky}, {"kind": "connect"}, {"protocols": ()}, {"kind": ""}):
            with self.subTest(more=more):
                self.assert_error(self.client.join(self.name, **more), calls.INCONSISTENT_GROUP_PROTOCOL)

    def test_only_the_leader_is_told_the_members_and_what_they_said(self):
        one = self.member(protocols=(("range", subscription(b"one")),))
        two = self.member(protocols=(("range", subscription(b"two")),))
        self.rebalance(one, two)
        self.assertEqual({m["MemberId"]: m["Metadata"] for m in one.joined["Members"]},
                         {one.id: subscription(b"one"), two.id: subscription(b"two")})
        self.assertEqual((two.joined["Members"], two.joined["Leader"]), ([], one.id))

    def test_the_protocol_is_the_one_most_members_prefer_of_those_all_know(self):
        one = self.member(protocols=(("a", subscription()), ("b", subscription()), ("c", subscription())))
        two = self.member(protocols=(("c", subscription()), ("b", subscription())))
        three = self.member(protocols=(("b", subscription()), ("c", subscription())))
        self.rebalance(one, two, three)
        self.assertEqual({m.joined["ProtocolName"] for m in (one, two, three)}, {"b"})

    def test_the_first_member_does_not_wait_when_the_initial_delay_is_0(self):
        began = time.monotonic()
        self.assert_error(self.member().join(), calls.NONE)
        self.assertLess(time.monotonic() - began, 2)

    def test_a_member_that_does_not_join_again_is_dropped_after_the_rebalance_timeout(self):
        lost, stays = (self.member(rebalance_ms=2000) for _ in range(2))
        self.stable(lost, stays)
        generation = stays.generation
        stays.start_join(protocols=(("range", subscription(b"changed")),))
        self.assert_error(stays.finish_join(), calls.NONE)
        self.assertEqual(stays.generation, generation + 1)
        self.assertTrue(stays.is_leader())
        self.assertEqual([m["MemberId"] for m in stays.joined["Members"]], [stays.id])
        self.assertEqual(lost.heartbeat(), calls.UNKNOWN_MEMBER_ID)


class Rebalancing(GroupTest):
    def leader_and_follower(self):
        leader, follower = self.member(), self.member()
        self.stable(leader, follower)
        return leader, follower

    def test_a_follower_that_joins_again_unchanged_gets_its_generation_without_a_rebalance(self):
        leader, follower = self.leader_and_follower()
        before = follower.generation
        self.assert_error(follower.join(), calls.NONE)
        self.assertEqual(follower.generation, before)
        self.assertEqual((self.state(), leader.heartbeat()), ("Stable", calls.NONE))

    def test_a_leader_that_joins_again_or_a_member_that_changed_starts_a_rebalance(self):
        leader, follower = self.leader_and_follower()
        before = leader.generation
        leader.start_join()
        self.await_state("PreparingRebalance")
        self.assertEqual(follower.heartbeat(), calls.REBALANCE_IN_PROGRESS)
        follower.start_join(protocols=(("range", subscription(b"changed")),))
        self.finish(leader, follower)
        self.assertEqual((leader.generation, follower.generation), (before + 1, before + 1))

    def test_a_member_that_missed_its_answer_gets_the_generation_again_until_it_is_synced(self):
        leader, follower = self.member(), self.member()
        self.rebalance(leader, follower)
        self.assertEqual(self.state(), "CompletingRebalance")
        for member in (leader, follower):
            before = member.joined
            self.assert_error(member.join(), calls.NONE)
            self.assertEqual((member.joined["GenerationId"], len(member.joined["Members"])),
                             (before["GenerationId"], len(before["Members"])))

    def test_followers_wait_for_the_leader_and_who_was_not_assigned_gets_nothing(self):
        leader, first, second = self.member(), self.member(), self.member()
        self.rebalance(leader, first, second)
        self.post_sync(first)
        self.post_sync(second)
        self.assertEqual(self.state(), "CompletingRebalance")
        answer = leader.sync({leader.id: b"for the leader", first.id: b"for the first"})
        self.assertEqual((answer["ErrorCode"], answer["Assignment"]), (calls.NONE, b"for the leader"))
        self.assertEqual((answer["ProtocolType"], answer["ProtocolName"]), ("consumer", "range"))
        got = [member.client.answer(calls.SYNC_GROUP, 5) for member in (first, second)]
        self.assertEqual([(a["ErrorCode"], a["Assignment"]) for a in got],
                         [(calls.NONE, b"for the first"), (calls.NONE, b"")])
        self.assertEqual(self.state(), "Stable")

    def test_a_sync_of_a_stable_group_gets_the_assignment_again(self):
        member = self.member()
        self.rebalance(member)
        member.sync({member.id: b"mine"})
        self.assertEqual(member.sync()["Assignment"], b"mine")
        self.assertEqual(member.sync({member.id: b"other"})["Assignment"], b"mine")

    def test_a_sync_of_another_generation_or_protocol_is_refused(self):
        member = self.member()
        self.rebalance(member)
        for generation in (member.generation - 1, member.generation + 1):
            answer = member.client.sync(self.name, member.id, generation)
            self.assert_error(answer, calls.ILLEGAL_GENERATION)
        for wrong in ({"ProtocolType": "connect"}, {"ProtocolName": "sticky"}):
            self.assert_error(member.sync(**wrong), calls.INCONSISTENT_GROUP_PROTOCOL)

    def test_a_sync_during_a_rebalance_is_told_to_join_again(self):
        leader, follower = self.leader_and_follower()
        leader.start_join()
        self.await_state("PreparingRebalance")
        self.assert_error(follower.sync(), calls.REBALANCE_IN_PROGRESS)
        follower.start_join()
        self.finish(leader, follower)

    def test_a_heartbeat_of_another_generation_is_an_illegal_generation(self):
        member = self.member()
        self.stable(member)
        self.assertEqual(member.heartbeat(), calls.NONE)
        for generation in (member.generation - 1, member.generation + 1, -1):
            self.assertEqual(member.heartbeat(generation), calls.ILLEGAL_GENERATION)

    def test_heartbeats_in_every_version_keep_a_member(self):
        member = self.member()
        self.stable(member)
        for version in range(5):
            self.assertEqual(self.client.heartbeat(self.name, member.id, member.generation, version=version), 0)

    def test_a_heartbeat_during_a_rebalance_keeps_the_session(self):
        slow = {"session_ms": SESSION_MS_MIN, "rebalance_ms": 60000}
        waits, beats = self.member(**slow), self.member(**slow)
        self.stable(waits, beats)
        waits.start_join(protocols=(("range", subscription(b"changed")),))
        self.await_state("PreparingRebalance")
        until = time.monotonic() + SESSION_MS_MIN / 1000 + 1
        while time.monotonic() < until:
            self.assertEqual(beats.heartbeat(), calls.REBALANCE_IN_PROGRESS)
            time.sleep(0.5)
        beats.start_join()
        self.finish(waits, beats)
        self.assertEqual(waits.generation, beats.generation)

    def test_a_member_that_leaves_makes_the_others_rebalance_and_the_last_one_empties_the_group(self):
        leader, follower = self.leader_and_follower()
        answer = self.client.leave(self.name, (leader.id, None))
        self.assertEqual((answer["ErrorCode"], [m["ErrorCode"] for m in answer["Members"]]), (0, [0]))
        self.assertEqual(follower.heartbeat(), calls.REBALANCE_IN_PROGRESS)
        self.assert_error(follower.join(), calls.NONE)
        self.assertTrue(follower.is_leader())
        self.client.call(calls.LEAVE_GROUP, 1, {"GroupId": self.name, "MemberId": follower.id})
        self.assertEqual(self.state(), "Empty")

    def test_leaving_names_each_member_that_is_not_there(self):
        member = self.member()
        self.stable(member)
        answer = self.client.leave(self.name, ("nobody", None), (member.id, None), ("", "no instance"))
        self.assertEqual([m["ErrorCode"] for m in answer["Members"]],
                         [calls.UNKNOWN_MEMBER_ID, calls.NONE, calls.UNKNOWN_MEMBER_ID])

    def test_generation_members_and_assignment_survive_a_kill(self):
        leader, follower = self.member(), self.member("static")
        self.rebalance(leader, follower)
        self.post_sync(follower)
        leader.sync({leader.id: b"first", follower.id: b"second"})
        follower.client.answer(calls.SYNC_GROUP, 5)
        self.restart_after_kill()
        self.assertEqual(self.state(), "Stable")
        for member, assignment in ((leader, b"first"), (follower, b"second")):
            member.client = self.connect()
            self.assertEqual(member.heartbeat(), calls.NONE)
            self.assertEqual(member.sync()["Assignment"], assignment)


class StaticMembers(GroupTest):
    def test_a_static_member_needs_no_second_join(self):
        member = self.member("here")
        self.assert_error(member.join(), calls.NONE)
        self.assertTrue(member.id.startswith("here-"))

    def test_a_new_process_takes_the_place_of_its_instance_without_a_rebalance_and_fences_the_old_one(self):
        leader, old, new = self.member(), self.member("static"), self.member("static")
        self.stable(leader, old)
        self.assert_error(new.join(), calls.NONE)
        self.assertEqual(new.generation, old.generation)
        self.assertNotEqual(new.id, old.id)
        self.assertEqual(leader.heartbeat(), calls.NONE)
        self.assertEqual(old.heartbeat(), calls.FENCED_INSTANCE_ID)
        self.assert_error(old.sync(), calls.FENCED_INSTANCE_ID)
        self.assert_error(old.join(), calls.FENCED_INSTANCE_ID)
        self.assertEqual(self.client.commit(self.name, self.name, 1, member=old.id, generation=old.generation),
                         calls.UNKNOWN_MEMBER_ID)
        self.assertEqual(new.heartbeat(), calls.NONE)
        self.assert_error(new.sync(), calls.NONE)

    def test_a_static_leader_that_returns_is_told_to_skip_the_assignment_from_version_9_on(self):
        old = self.member("leader")
        old.join()
        old.sync({old.id: b"mine"})
        new = self.member("leader")
        new.join()
        self.assertEqual((new.generation, new.joined["SkipAssignment"], new.joined["Leader"]),
                         (old.generation, True, new.id))
        self.assertEqual(new.sync()["Assignment"], b"mine")

    def test_an_administrator_removes_a_static_member_by_its_instance(self):
        member = self.member("instance")
        member.join()
        member.sync()
        answer = self.client.leave(self.name, ("", "instance"))
        self.assertEqual([(m["GroupInstanceId"], m["ErrorCode"]) for m in answer["Members"]], [("instance", 0)])
        self.assertEqual(self.state(), "Empty")


class CommittedOffsets(GroupTest):
    def test_a_commit_without_a_group_makes_one_that_only_keeps_offsets(self):
        self.assertEqual(self.client.commit(self.name, self.name, 42), calls.NONE)
        self.assertEqual(self.client.committed(self.name, self.name)["CommittedOffset"], 42)
        self.assertEqual(self.state(), "Empty")

    def test_a_generation_of_an_unknown_group_is_illegal_and_from_version_9_a_missing_group(self):
        for version, error in ((2, calls.ILLEGAL_GENERATION), (8, calls.ILLEGAL_GENERATION),
                               (9, calls.GROUP_ID_NOT_FOUND)):
            with self.subTest(version=version):
                self.assertEqual(self.client.commit(self.name, self.name, 1, version, "m", 1), error)

    def test_a_commit_into_a_group_with_members_needs_a_member_and_its_generation(self):
        member = self.member()
        self.stable(member)
        self.assertEqual(self.client.commit(self.name, self.name, 1), calls.UNKNOWN_MEMBER_ID)
        self.assertEqual(self.client.commit(self.name, self.name, 1, member="nobody", generation=1), 25)
        for generation in (member.generation - 1, member.generation + 1):
            self.assertEqual(self.client.commit(self.name, self.name, 1, member=member.id, generation=generation),
                             calls.ILLEGAL_GENERATION)
        self.assertEqual(self.client.committed(self.name, self.name)["CommittedOffset"], -1)
        self.assertEqual(self.client.commit(self.name, self.name, 1, member=member.id,
                                            generation=member.generation), calls.NONE)

    def test_a_commit_between_join_and_sync_is_told_of_the_rebalance(self):
        member = self.member()
        self.rebalance(member)
        self.assertEqual(self.client.commit(self.name, self.name, 1, member=member.id,
                                            generation=member.generation), calls.REBALANCE_IN_PROGRESS)

    def test_metadata_and_leader_epoch_come_back_as_they_were_committed(self):
        for metadata in ("", "text", "\u00e9\u4e2d", "x" * METADATA_BYTES_MAX):
            self.assertEqual(self.client.commit(self.name, self.name, 5, CommittedMetadata=metadata,
                                                CommittedLeaderEpoch=7), calls.NONE)
            found = self.client.committed(self.name, self.name)
            self.assertEqual((found["Metadata"], found["CommittedLeaderEpoch"]), (metadata, 7))

    def test_null_metadata_comes_back_empty(self):
        self.client.commit(self.name, self.name, 5, CommittedMetadata=None)
        self.assertEqual(self.client.committed(self.name, self.name)["Metadata"], "")

    def test_metadata_past_its_limit_is_too_large(self):
        self.assertEqual(self.client.commit(self.name, self.name, 5, CommittedMetadata="x" * (METADATA_BYTES_MAX + 1)),
                         calls.OFFSET_METADATA_TOO_LARGE)
        self.assertEqual(self.client.committed(self.name, self.name)["CommittedOffset"], -1)

    def test_a_commit_for_a_missing_topic_or_partition_is_unknown_and_the_others_are_kept(self):
        self.assertEqual(self.client.commit(self.name, "no-such-topic", 1), calls.UNKNOWN_TOPIC_OR_PARTITION)
        answer = self.client.call(calls.OFFSET_COMMIT, 9, {
            "GroupId": self.name, "GenerationIdOrMemberEpoch": -1, "Topics": [{"Name": self.name, "Partitions": [
                {"PartitionIndex": 0, "CommittedOffset": 3}, {"PartitionIndex": 9, "CommittedOffset": 3}]}]})
        errors = {p["PartitionIndex"]: p["ErrorCode"] for p in answer["Topics"][0]["Partitions"]}
        self.assertEqual(errors, {0: calls.NONE, 9: calls.UNKNOWN_TOPIC_OR_PARTITION})
        self.assertEqual(self.client.committed(self.name, self.name)["CommittedOffset"], 3)

    def test_what_was_never_committed_is_minus_1_without_an_error(self):
        self.client.commit(self.name, self.name, 5)
        for group, topic, partition in ((self.name, self.name, 3), (self.name, "no-such-topic", 0),
                                        ("no-such-group", self.name, 0)):
            found = self.client.committed(group, topic, partition)
            self.assertEqual((found["CommittedOffset"], found["CommittedLeaderEpoch"], found["Metadata"],
                              found["ErrorCode"]), (-1, -1, "", calls.NONE))

    def test_no_list_of_topics_asks_for_all_offsets_of_a_group(self):
        other = self.name + "-other"
        self.client.create(other, 2)
        self.client.commit(self.name, self.name, 5)
        self.client.commit(self.name, other, 6, partition=1)
        for version in (2, 7):
            answer = self.client.call(calls.OFFSET_FETCH, version, {"GroupId": self.name, "Topics": None})
            self.assertEqual(self.offsets(answer["Topics"]), {(self.name, 0): 5, (other, 1): 6})
        answer = self.client.call(calls.OFFSET_FETCH, 8, {"Groups": [{"GroupId": self.name, "Topics": None}]})
        self.assertEqual(self.offsets(answer["Groups"][0]["Topics"]), {(self.name, 0): 5, (other, 1): 6})

    def offsets(self, topics):
        return {(t["Name"], p["PartitionIndex"]): p["CommittedOffset"] for t in topics for p in t["Partitions"]}

    def test_many_groups_are_asked_in_one_request_from_version_8_on(self):
        self.client.commit(self.name, self.name, 5)
        self.client.commit(self.name + "-2", self.name, 6)
        topics = [{"Name": self.name, "PartitionIndexes": [0]}]
        answer = self.client.call(calls.OFFSET_FETCH, 8, {"RequireStable": True, "Groups": [
            {"GroupId": group, "Topics": topics} for group in (self.name, self.name + "-2", "no-such-group")]})
        self.assertEqual([self.offsets(g["Topics"])[(self.name, 0)] for g in answer["Groups"]], [5, 6, -1])

    def test_a_commit_survives_a_kill(self):
        self.client.commit(self.name, self.name, 77, CommittedMetadata="kept")
        self.restart_after_kill()
        found = self.client.committed(self.name, self.name)
        self.assertEqual((found["CommittedOffset"], found["Metadata"]), (77, "kept"))

    def test_offsets_of_a_deleted_topic_are_gone(self):
        gone = self.name + "-gone"
        self.client.create(gone)
        self.client.commit(self.name, gone, 5)
        self.client.commit(self.name, self.name, 6)
        self.client.delete_topics(Topics=[{"Name": gone}])
        until = time.monotonic() + 10
        while self.client.committed(self.name, gone)["CommittedOffset"] != -1:
            self.assertLess(time.monotonic(), until)
        self.assertEqual(self.client.committed(self.name, self.name)["CommittedOffset"], 6)

    def test_offsets_are_committed_and_fetched_by_topic_id_in_version_10(self):
        if calls.wire.api_ranges(self.broker)[calls.OFFSET_COMMIT][1] < 10:
            self.skipTest("version 10 is not served")
        found = self.client.topic(self.name)["TopicId"]
        partition = {"PartitionIndex": 0, "CommittedOffset": 9}
        answer = self.client.call(calls.OFFSET_COMMIT, 10, {
            "GroupId": self.name, "GenerationIdOrMemberEpoch": -1,
            "Topics": [{"TopicId": found, "Partitions": [partition]}]})
        self.assertEqual(answer["Topics"][0]["TopicId"], found)
        self.assert_error(answer["Topics"][0]["Partitions"][0], calls.NONE)
        answer = self.client.call(calls.OFFSET_FETCH, 10, {"Groups": [{"GroupId": self.name, "Topics": [
            {"TopicId": found, "PartitionIndexes": [0]}]}]})["Groups"][0]["Topics"][0]
        self.assertEqual((answer["TopicId"], answer["Partitions"][0]["CommittedOffset"]), (found, 9))


class AboutGroups(GroupTest):
    def delete(self, group):
        return self.client.call(calls.DELETE_GROUPS, 2, {"GroupsNames": [group]})["Results"][0]["ErrorCode"]

    def listed(self, version=5, **filters):
        answer = self.client.call(calls.LIST_GROUPS, version, filters)
        self.assert_error(answer, calls.NONE)
        return {group["GroupId"]: group for group in answer["Groups"]}

    def test_an_unknown_group_is_dead_and_from_version_6_not_found(self):
        for version in (0, 5):
            described = self.client.describe_group("no-such-group", version)
            self.assertEqual((described["ErrorCode"], described["GroupState"]), (calls.NONE, "Dead"))
        described = self.client.describe_group("no-such-group", 6)
        self.assertEqual((described["ErrorCode"], described["GroupState"]), (calls.GROUP_ID_NOT_FOUND, "Dead"))

    def test_a_described_group_tells_state_protocol_members_and_assignments(self):
        member = self.member(protocols=(("range", subscription(b"subscribed")),))
        self.rebalance(member)
        self.assertEqual(self.state(), "CompletingRebalance")
        member.sync({member.id: b"assigned"})
        described = self.client.describe_group(self.name)
        self.assertEqual((described["GroupState"], described["ProtocolType"], described["ProtocolData"]),
                         ("Stable", "consumer", "range"))
        one = described["Members"][0]
        self.assertEqual((one["MemberId"], one["ClientId"], one["MemberMetadata"], one["MemberAssignment"]),
                         (member.id, "integration", subscription(b"subscribed"), b"assigned"))
        self.assertIn("127.0.0.1", one["ClientHost"])

    def test_operations_of_a_group_are_told_only_to_who_asks(self):
        self.stable(self.member())
        self.assertEqual(self.client.describe_group(self.name, 5)["AuthorizedOperations"], calls.NOT_ASKED)
        asked = self.client.describe_group(self.name, 5, IncludeAuthorizedOperations=True)
        self.assertEqual(asked["AuthorizedOperations"], GROUP_OPERATIONS)

    def test_groups_are_listed_with_state_and_type_and_filtered_by_both(self):
        self.stable(self.member())
        self.client.commit(self.name + "-empty", self.name, 1)
        listed = self.listed()
        self.assertEqual((listed[self.name]["GroupState"], listed[self.name]["GroupType"],
                          listed[self.name]["ProtocolType"]), ("Stable", "classic", "consumer"))
        self.assertIn(self.name, self.listed(0))
        stable, empty = self.listed(StatesFilter=["Stable"]), self.listed(StatesFilter=["Empty"])
        self.assertTrue(self.name in stable and self.name not in empty)
        self.assertTrue(self.name + "-empty" in empty and self.name + "-empty" not in stable)
        self.assertIn(self.name, self.listed(TypesFilter=["classic"]))
        self.assertNotIn(self.name, self.listed(TypesFilter=["consumer"]))

    def test_a_group_with_members_is_not_deleted_and_a_missing_one_not_found(self):
        member = self.member()
        self.stable(member)
        self.client.commit(self.name, self.name, 1, member=member.id, generation=member.generation)
        self.assertEqual(self.delete(self.name), calls.NON_EMPTY_GROUP)
        self.assertEqual(self.delete("no-such-group"), calls.GROUP_ID_NOT_FOUND)
        self.client.leave(self.name, (member.id, None))
        self.assertEqual(self.delete(self.name), calls.NONE)
        self.assertEqual(self.client.committed(self.name, self.name)["CommittedOffset"], -1)
        self.assertEqual(self.delete(self.name), calls.GROUP_ID_NOT_FOUND)

    def test_a_deleted_group_stays_deleted_after_a_kill(self):
        self.client.commit(self.name, self.name, 1)
        self.assertEqual(self.delete(self.name), calls.NONE)
        self.restart_after_kill()
        self.assertNotIn(self.name, self.listed())
        self.assertEqual(self.client.committed(self.name, self.name)["CommittedOffset"], -1)

    def test_an_unknown_kind_of_coordinator_is_an_invalid_request(self):
        self.assert_error(self.client.call(calls.FIND_COORDINATOR, 2, {"Key": "k", "KeyType": 9}),
                          calls.INVALID_REQUEST)

    def test_many_coordinators_are_found_in_one_request_from_version_4_on(self):
        answer = self.client.call(calls.FIND_COORDINATOR, 4, {"KeyType": 0, "CoordinatorKeys": ["a", "b"]})
        self.assertEqual([(c["Key"], c["ErrorCode"], c["Port"]) for c in answer["Coordinators"]],
                         [("a", calls.NONE, self.broker.port), ("b", calls.NONE, self.broker.port)])


if __name__ == "__main__":
    run_tests()
