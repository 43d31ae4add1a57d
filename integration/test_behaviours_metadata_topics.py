#!/usr/bin/env python3
"""What Metadata tells, how topics come and go, and what a client is said to be allowed."""

import os
import re
import sys
import time
import unittest
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "kit"))
import batches  # noqa: E402
import calls  # noqa: E402
from behaviour import BehaviourTest  # noqa: E402
from broker import is_peer  # noqa: E402
from case import run_tests  # noqa: E402

PARTITIONS = 4
OFFSETS_TOPIC = "__consumer_offsets"
# Bit n is AclOperation n of KIP-430: what AclEntry.supportedOperations names for each type of resource.
TOPIC_OPERATIONS = sum(1 << n for n in (3, 4, 5, 6, 7, 8, 10, 11))
CLUSTER_OPERATIONS = sum(1 << n for n in (5, 7, 8, 9, 10, 11, 12))


class MetadataAndTopics(BehaviourTest):
    SETTINGS = {"num.partitions": str(PARTITIONS)}

    def names(self, answer):
        return {topic["Name"] for topic in answer["Topics"]}

    def error_of_create(self, version=7, validate_only=False, **topic):
        return self.client.create_topics({"Name": self.name, **topic}, version=version,
                                         validate_only=validate_only)[0]["ErrorCode"]

    def partitions(self, name):
        """How many a topic has, once it is there: Kafka's brokers learn of a topic after its creation was answered."""
        until = time.monotonic() + 30
        while not self.client.topic(name)["Partitions"]:
            self.assertLess(time.monotonic(), until, f"no partitions of {name}")
        return len(self.client.topic(name)["Partitions"])

    # Which topics are told

    def test_no_list_asks_for_all_topics_and_an_empty_list_for_none(self):
        self.client.create(self.name)
        for version in (1, 4, 9, 12):
            with self.subTest(version=version):
                self.assertIn(self.name, self.names(self.client.metadata(calls.ALL, version)))
                self.assertEqual(self.client.metadata([], version)["Topics"], [])

    def test_an_empty_list_asks_for_all_topics_in_version_0(self):
        self.client.create(self.name)
        self.assertIn(self.name, self.names(self.client.metadata([], 0)))

    def test_a_topic_is_found_by_id_from_version_12_on(self):
        made = self.client.create(self.name)
        found = self.client.metadata([made])["Topics"][0]
        self.assertEqual((found["ErrorCode"], found["Name"], found["TopicId"]), (calls.NONE, self.name, made))

    def test_an_id_or_a_null_name_before_version_12_is_an_invalid_request(self):
        made = self.client.create(self.name)
        for version in (10, 11):
            for topic in ({"TopicId": made, "Name": None}, {"TopicId": calls.NO_ID, "Name": None}):
                with self.subTest(version=version, topic=topic):
                    answer = self.client.call(calls.METADATA, version, {"Topics": [topic]})
                    self.assert_error(answer["Topics"][0], calls.INVALID_REQUEST)

    def test_an_unknown_id_is_an_unknown_topic_id_without_a_name(self):
        unknown = uuid.UUID(int=0xDEAD << 64 | 0xBEEF)
        found = self.client.metadata([unknown])["Topics"][0]
        self.assertEqual((found["ErrorCode"], found["Name"], found["TopicId"]),
                         (calls.UNKNOWN_TOPIC_ID, None, unknown))

    # Creation by use

    def test_first_use_creates_a_topic_with_the_brokers_partitions(self):
        for version in (3, 4, 12):  # before version 4 nobody could forbid it
            name = f"{self.name}-{version}"
            until = time.monotonic() + 30
            while True:
                found = self.client.metadata([name], version, create=True)["Topics"][0]
                if found["ErrorCode"] == calls.NONE:
                    break
                self.assertIn(found["ErrorCode"], (calls.UNKNOWN_TOPIC_OR_PARTITION, calls.LEADER_NOT_AVAILABLE))
                self.assertLess(time.monotonic(), until)
            self.assertEqual(len(found["Partitions"]), PARTITIONS)

    def test_a_topic_is_not_created_when_the_client_forbids_it(self):
        for _ in range(2):
            self.assert_error(self.client.topic(self.name), calls.UNKNOWN_TOPIC_OR_PARTITION)
        self.assertNotIn(self.name, self.names(self.client.metadata()))

    def test_an_illegal_name_is_an_invalid_topic_and_creates_nothing(self):
        for name in ("", ".", "..", "with space", "a/b", "\u00e9", "x" * 250):
            with self.subTest(name=name):
                self.assert_error(self.client.metadata([name], create=True)["Topics"][0], calls.INVALID_TOPIC)
                self.assert_error(self.client.create_topics({"Name": name})[0], calls.INVALID_TOPIC)

    def test_a_name_of_249_legal_characters_is_legal(self):
        name = ("aZ0_-." * 50)[:249]
        self.assert_error(self.client.create_topics({"Name": name, "NumPartitions": 1})[0], calls.NONE)

    def test_names_that_differ_only_in_dots_and_underscores_collide(self):
        self.client.create("a.name_of.two")
        self.assert_error(self.client.create_topics({"Name": "a_name.of_two"})[0], calls.INVALID_TOPIC)

    # Brokers, leaders, epochs

    def test_controller_leaders_and_replicas_are_brokers_of_the_same_answer(self):
        self.client.create(self.name, 3)
        answer = self.client.metadata([self.name])
        nodes = {broker["NodeId"] for broker in answer["Brokers"]}
        self.assertIn(answer["ControllerId"], nodes)
        for partition in answer["Topics"][0]["Partitions"]:
            self.assertIn(partition["LeaderId"], nodes)
            self.assertLessEqual({*partition["ReplicaNodes"], *partition["IsrNodes"]}, nodes)
            self.assertEqual(partition["OfflineReplicas"], [])

    def test_the_offsets_topic_is_internal_and_no_client_writes_to_it(self):
        self.client.create(self.name)
        until = time.monotonic() + 30
        while self.client.commit(self.name, self.name, 0) != calls.NONE:
            self.client.call(calls.FIND_COORDINATOR, 2, {"Key": self.name, "KeyType": 0})
            self.assertLess(time.monotonic(), until)
            time.sleep(0.1)
        offsets = self.client.topic(OFFSETS_TOPIC)
        self.assertEqual((offsets["ErrorCode"], offsets["IsInternal"]), (calls.NONE, True))
        self.assertIn(OFFSETS_TOPIC, self.names(self.client.metadata()))
        self.assertFalse(self.client.topic(self.name)["IsInternal"])
        answer = self.client.produce(OFFSETS_TOPIC, batches.build([batches.Record(key=b"k")]))
        self.assert_error(answer, calls.INVALID_TOPIC)

    def test_a_topic_made_again_has_another_id(self):
        first = self.client.create(self.name)
        self.client.append(self.name, batches.values(3))
        self.assert_error(self.client.delete_topics(Topics=[{"Name": self.name}])[0], calls.NONE)
        second = self.client.create(self.name)
        self.assertNotEqual(first, second)
        self.assertNotIn(calls.NO_ID, (first, second))
        self.assertEqual(self.client.list_offset(self.name, -1)["Offset"], 0)
        self.assert_error(self.client.metadata([first])["Topics"][0], calls.UNKNOWN_TOPIC_ID)

    @unittest.skipIf(is_peer(), "Kafka wants a broker per replica")
    def test_any_replication_factor_is_accepted_and_the_replica_list_is_the_one_broker(self):
        for factor in (1, 3, 5):
            name = f"{self.name}-{factor}"
            made = self.client.create_topics({"Name": name, "NumPartitions": 2, "ReplicationFactor": factor})[0]
            self.assert_error(made, calls.NONE)
            answer = self.client.metadata([name])
            node = answer["Brokers"][0]["NodeId"]
            for partition in answer["Topics"][0]["Partitions"]:
                self.assertEqual((partition["LeaderId"], partition["ReplicaNodes"], partition["IsrNodes"]),
                                 (node, [node], [node]))

    # CreateTopics, DeleteTopics

    def test_minus_1_asks_for_the_brokers_partitions_and_replication(self):
        made = self.client.create_topics({"Name": self.name})[0]
        self.assertEqual((made["ErrorCode"], made["NumPartitions"], made["ReplicationFactor"]),
                         (calls.NONE, PARTITIONS, 1))
        self.assertEqual(self.partitions(self.name), PARTITIONS)

    def test_a_created_topic_is_answered_with_its_id_and_all_its_configs(self):
        made = self.client.create_topics({"Name": self.name, "Configs": [
            {"Name": "cleanup.policy", "Value": "compact"}]})[0]
        self.assertEqual(made["TopicId"], self.client.topic(self.name)["TopicId"])
        configs = {config["Name"]: (config["Value"], config["ConfigSource"]) for config in made["Configs"]}
        self.assertEqual(configs["cleanup.policy"], ("compact", 1))
        self.assertEqual(configs["retention.ms"], ("604800000", 5))
        self.assertEqual(made["TopicConfigErrorCode"], calls.NONE)

    def test_validation_alone_finds_the_same_faults_and_creates_nothing(self):
        self.assertEqual(self.error_of_create(validate_only=True, NumPartitions=0), calls.INVALID_PARTITIONS)
        self.assertEqual(self.error_of_create(validate_only=True), calls.NONE)
        self.assert_error(self.client.topic(self.name), calls.UNKNOWN_TOPIC_OR_PARTITION)

    def test_wrong_counts_are_refused_by_their_own_errors(self):
        self.assertEqual(self.error_of_create(NumPartitions=0), calls.INVALID_PARTITIONS)
        self.assertEqual(self.error_of_create(NumPartitions=-2), calls.INVALID_PARTITIONS)
        self.assertEqual(self.error_of_create(ReplicationFactor=0), calls.INVALID_REPLICATION_FACTOR)
        self.assertEqual(self.error_of_create(ReplicationFactor=-2), calls.INVALID_REPLICATION_FACTOR)

    def test_a_manual_assignment_counts_the_partitions_and_excludes_counts(self):
        node = self.client.metadata([])["Brokers"][0]["NodeId"]
        two = [{"PartitionIndex": p, "BrokerIds": [node]} for p in (0, 1)]
        self.assertEqual(self.error_of_create(Assignments=two, NumPartitions=2), calls.INVALID_REQUEST)
        self.assertEqual(self.error_of_create(Assignments=two, ReplicationFactor=1), calls.INVALID_REQUEST)
        gap = [{"PartitionIndex": p, "BrokerIds": [node]} for p in (0, 2)]
        self.assertEqual(self.error_of_create(Assignments=gap), calls.INVALID_REPLICA_ASSIGNMENT)
        elsewhere = [{"PartitionIndex": 0, "BrokerIds": [node + 500]}]
        self.assertEqual(self.error_of_create(Assignments=elsewhere), calls.INVALID_REPLICA_ASSIGNMENT)
        self.assertEqual(self.error_of_create(Assignments=two), calls.NONE)
        self.assertEqual(self.partitions(self.name), 2)

    def test_a_topic_named_twice_in_one_request_is_refused_and_the_others_are_made(self):
        twice, other = {"Name": self.name}, {"Name": self.name + "-other"}
        answers = self.client.create_topics(twice, other, twice)
        by_name = {answer["Name"]: answer["ErrorCode"] for answer in answers}
        self.assertEqual(by_name, {self.name: calls.INVALID_REQUEST, other["Name"]: calls.NONE})

    def test_an_existing_topic_is_not_made_again(self):
        self.client.create(self.name)
        self.assertEqual(self.error_of_create(), calls.TOPIC_ALREADY_EXISTS)
        self.assertEqual(self.error_of_create(validate_only=True), calls.TOPIC_ALREADY_EXISTS)

    def test_an_unknown_or_wrong_config_is_an_invalid_config(self):
        for key, value in (("no.such.config", "1"), ("retention.ms", "soon"), ("retention.ms", "-2"),
                           ("cleanup.policy", "burn"), ("min.cleanable.dirty.ratio", "1.5"), ("preallocate", "maybe")):
            with self.subTest(key=key, value=value):
                self.assertEqual(self.error_of_create(Configs=[{"Name": key, "Value": value}]), calls.INVALID_CONFIG)

    def test_a_config_without_a_value_is_an_invalid_config(self):
        made = self.client.create_topics({"Name": self.name, "NumPartitions": 1, "Configs": [
            {"Name": "retention.ms", "Value": None}]})[0]
        self.assert_error(made, calls.INVALID_CONFIG)

    def test_a_topic_named_many_times_is_described_once(self):
        self.client.create(self.name)
        named = self.client.metadata([self.name] * 3)["Topics"]
        self.assertEqual([topic["Name"] for topic in named], [self.name])

    def test_topics_are_deleted_by_name_and_by_id(self):
        by_id, name = self.client.create(self.name), self.name + "-by-name"
        self.client.create(name)
        answers = self.client.delete_topics(Topics=[{"Name": None, "TopicId": by_id}, {"Name": name}])
        self.assertEqual({(a["Name"], a["ErrorCode"]) for a in answers}, {(self.name, 0), (name, 0)})
        self.client.create(name)
        self.assertEqual(self.client.delete_topics(version=5, TopicNames=[name])[0]["ErrorCode"], calls.NONE)
        for gone in (self.name, name):
            self.assert_error(self.client.topic(gone), calls.UNKNOWN_TOPIC_OR_PARTITION)

    def test_deleting_what_is_not_there_or_not_named_is_refused(self):
        asked = [({"Name": "no-such-topic"}, calls.UNKNOWN_TOPIC_OR_PARTITION),
                 ({"Name": None, "TopicId": uuid.UUID(int=77 << 64)}, calls.UNKNOWN_TOPIC_ID),
                 ({"Name": "both", "TopicId": uuid.UUID(int=78 << 64)}, calls.INVALID_REQUEST),
                 ({"Name": None}, calls.INVALID_REQUEST)]
        for topic, error in asked:
            with self.subTest(topic=topic):
                try:
                    self.assert_error(self.connect().delete_topics(Topics=[topic])[0], error)
                except AssertionError:
                    if not is_peer() or error != calls.INVALID_REQUEST:  # Kafka refuses the whole request
                        raise

    def test_a_topic_only_grows(self):
        self.client.create(self.name, 2)

        def grow(count, **more):
            return self.client.call(calls.CREATE_PARTITIONS, 3, {"TimeoutMs": 30000, "Topics": [
                {"Name": self.name, "Count": count, "Assignments": None}], **more})["Results"][0]["ErrorCode"]
        self.assertEqual([grow(2), grow(1), grow(0)], [calls.INVALID_PARTITIONS] * 3)
        self.assertEqual(grow(5, ValidateOnly=True), calls.NONE)
        self.assertEqual(len(self.client.topic(self.name)["Partitions"]), 2)
        self.assertEqual(grow(5), calls.NONE)
        self.assertEqual(len(self.client.topic(self.name)["Partitions"]), 5)

    # What a client may do

    def test_operations_are_told_only_to_who_asks(self):
        self.client.create(self.name)
        self.assertEqual(self.client.metadata([self.name], 8)["ClusterAuthorizedOperations"], calls.NOT_ASKED)
        self.assertEqual(self.client.topic(self.name)["TopicAuthorizedOperations"], calls.NOT_ASKED)
        self.assertEqual(self.client.call(calls.DESCRIBE_CLUSTER, 1, {})["ClusterAuthorizedOperations"],
                         calls.NOT_ASKED)
        asked = self.client.metadata([self.name], 8, IncludeTopicAuthorizedOperations=True,
                                     IncludeClusterAuthorizedOperations=True)
        self.assertEqual(asked["ClusterAuthorizedOperations"], CLUSTER_OPERATIONS)
        self.assertEqual(asked["Topics"][0]["TopicAuthorizedOperations"], TOPIC_OPERATIONS)
        cluster = self.client.call(calls.DESCRIBE_CLUSTER, 1, {"IncludeClusterAuthorizedOperations": True})
        self.assertEqual(cluster["ClusterAuthorizedOperations"], CLUSTER_OPERATIONS)

    # The cluster

    def test_the_cluster_id_is_22_characters_of_base64_and_outlives_a_kill(self):
        def ids():
            return {self.client.metadata([], version)["ClusterId"] for version in (2, 12)} | {
                self.client.call(calls.DESCRIBE_CLUSTER, 1, {})["ClusterId"]}
        before = ids()
        self.assertEqual(len(before), 1)
        self.assertTrue(re.fullmatch(r"[A-Za-z0-9_-]{22}", next(iter(before))), before)
        self.restart_after_kill()
        self.assertEqual(ids(), before)

    def test_a_cluster_of_controllers_is_not_described(self):
        answer = self.client.call(calls.DESCRIBE_CLUSTER, 1, {"EndpointType": 2})
        self.assertIn(answer["ErrorCode"], (114, calls.UNSUPPORTED_ENDPOINT))  # 114: MISMATCHED_ENDPOINT_TYPE


if __name__ == "__main__":
    run_tests()
