"""Kafka's requests in short form, for tests about what exactly is answered: one method per API on a raw connection.

Versions are arguments, answers are dicts by Kafka's field names. Nothing retries, nothing is hidden.
"""

import os
import struct
import sys
import time
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import batches  # noqa: E402
import schemas  # noqa: E402
import wire  # noqa: E402

PRODUCE, FETCH, LIST_OFFSETS, METADATA = 0, 1, 2, 3
OFFSET_COMMIT, OFFSET_FETCH, FIND_COORDINATOR = 8, 9, 10
JOIN_GROUP, HEARTBEAT, LEAVE_GROUP, SYNC_GROUP = 11, 12, 13, 14
DESCRIBE_GROUPS, LIST_GROUPS, API_VERSIONS = 15, 16, 18
CREATE_TOPICS, DELETE_TOPICS, INIT_PRODUCER_ID, OFFSET_FOR_LEADER_EPOCH = 19, 20, 22, 23
DESCRIBE_CONFIGS, CREATE_PARTITIONS, DELETE_GROUPS, DESCRIBE_CLUSTER = 32, 37, 42, 60

NO_ID = uuid.UUID(int=0)
ALL, NOT_ASKED = None, -(2**31)

# The errors by the numbers of org.apache.kafka.common.protocol.Errors.
NONE, OFFSET_OUT_OF_RANGE, CORRUPT_MESSAGE, UNKNOWN_TOPIC_OR_PARTITION = 0, 1, 2, 3
LEADER_NOT_AVAILABLE, MESSAGE_TOO_LARGE, OFFSET_METADATA_TOO_LARGE = 5, 10, 12
COORDINATOR_LOADING, COORDINATOR_NOT_AVAILABLE, INVALID_TOPIC, INVALID_REQUIRED_ACKS = 14, 15, 17, 21
ILLEGAL_GENERATION, INCONSISTENT_GROUP_PROTOCOL, INVALID_GROUP_ID, UNKNOWN_MEMBER_ID = 22, 23, 24, 25
INVALID_SESSION_TIMEOUT, REBALANCE_IN_PROGRESS, INVALID_TIMESTAMP = 26, 27, 32
UNSUPPORTED_VERSION, TOPIC_ALREADY_EXISTS, INVALID_PARTITIONS, INVALID_REPLICATION_FACTOR = 35, 36, 37, 38
INVALID_REPLICA_ASSIGNMENT, INVALID_CONFIG, INVALID_REQUEST = 39, 40, 42
OUT_OF_ORDER_SEQUENCE, INVALID_PRODUCER_EPOCH, TRANSACTIONAL_ID_AUTHORIZATION_FAILED = 45, 47, 53
NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND, FETCH_SESSION_ID_NOT_FOUND = 68, 69, 70
FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH, UNSUPPORTED_COMPRESSION, MEMBER_ID_REQUIRED = 74, 75, 76, 79
FENCED_INSTANCE_ID, INVALID_RECORD, UNKNOWN_TOPIC_ID, UNSUPPORTED_ENDPOINT = 82, 87, 100, 115


def subscription(user_data=b""):
    """A consumer's metadata that names no topic; Kafka never answers a join whose metadata it cannot read."""
    return struct.pack(">hii", 0, 0, len(user_data)) + user_data


class Client(wire.Connection):
    def post(self, key, version, value):
        """Sends without waiting; answer() must be called once for each, in order."""
        self.correlation += 1
        schema = wire.REQUESTS[key]
        self.send(schemas.request_frame(schema, version, schema.encode(value, version), self.correlation))
        return self.correlation

    def answer(self, key, version):
        frame = self.receive()
        assert frame is not None, f"{wire.RESPONSES[key].name} v{version}: the broker closed the connection"
        self.answered = struct.unpack(">i", frame[:4])[0]
        return self.decoded(key, version, frame)

    @staticmethod
    def decoded(key, version, frame):
        return wire.RESPONSES[key].decode(schemas.response_body(wire.RESPONSES[key], version, frame), version)

    def is_closed_after(self, frame):
        """Whether the broker answers this frame by closing the connection."""
        self.send(frame)
        return self.receive() is None

    # Topics

    def metadata(self, topics=ALL, version=12, create=False, **more):
        """`topics`: names, ids, ALL or []."""
        asked = topics and [{"TopicId": t, "Name": None} if isinstance(t, uuid.UUID) else {"Name": t} for t in topics]
        return self.call(METADATA, version, {"Topics": asked, "AllowAutoTopicCreation": create, **more})

    def topic(self, name, version=12):
        return self.metadata([name], version)["Topics"][0]

    def create_topics(self, *topics, version=7, validate_only=False):
        filled = [{"NumPartitions": -1, "ReplicationFactor": -1, **topic} for topic in topics]
        return self.call(CREATE_TOPICS, version,
                         {"Topics": filled, "timeoutMs": 30000, "validateOnly": validate_only})["Topics"]

    def create(self, name, partitions=1, **configs):
        """A topic that must come to be; '_' in a config's name stands for '.'. Returns the topic id."""
        made = self.create_topics({"Name": name, "NumPartitions": partitions, "Configs": [
            {"Name": key.replace("_", "."), "Value": str(value)} for key, value in configs.items()]})[0]
        assert made["ErrorCode"] == NONE, made
        until = time.monotonic() + 30
        while any(self.list_offset(name, -1, partition)["ErrorCode"] for partition in range(partitions)):
            assert time.monotonic() < until, f"{name} is not there"  # Kafka answers before its leaders serve
        return made["TopicId"]

    def delete_topics(self, version=6, **names):
        return self.call(DELETE_TOPICS, version, {"TimeoutMs": 30000, **names})["Responses"]

    # Records

    def produce_value(self, partitions, version, acks=-1, transactional_id=None):
        """`partitions`: {(topic name or id, partition): batch}."""
        topics = []
        for (topic, partition), batch in partitions.items():
            name = {"TopicId": topic} if isinstance(topic, uuid.UUID) else {"Name": topic}
            topics.append({**name, "PartitionData": [{"Index": partition, "Records": batch}]})
        return {"TransactionalId": transactional_id, "Acks": acks, "TimeoutMs": 10000, "TopicData": topics}

    def produce(self, topic, batch, partition=0, version=9, **more):
        """The answer of one partition."""
        value = self.produce_value({(topic, partition): batch}, version, **more)
        return self.call(PRODUCE, version, value)["Responses"][0]["PartitionResponses"][0]

    def append(self, topic, records, partition=0, **more):
        """A produce that must succeed; returns its base offset."""
        answer = self.produce(topic, batches.build(records, **more), partition)
        assert answer["ErrorCode"] == NONE, answer
        return answer["BaseOffset"]

    def new_producer(self):
        """A producer id; after a restart Kafka has none to give for a while."""
        value = {"TransactionalId": None, "TransactionTimeoutMs": 60000, "ProducerId": -1, "ProducerEpoch": -1}
        until = time.monotonic() + 30
        while True:
            answer = self.call(INIT_PRODUCER_ID, 4, value)
            if answer["ErrorCode"] not in (COORDINATOR_LOADING, COORDINATOR_NOT_AVAILABLE):
                assert answer["ErrorCode"] == NONE, answer
                return answer["ProducerId"]
            assert time.monotonic() < until, answer

    @staticmethod
    def fetch_value(asked, max_wait_ms=0, min_bytes=1, max_bytes=50 << 20, isolation=0, **more):
        """`asked`: [(topic name or id, partition, offset)], or dicts of FetchPartition with "Topic"."""
        topics = []
        for one in asked:
            if isinstance(one, tuple):
                one = {"Topic": one[0], "Partition": one[1], "FetchOffset": one[2]}
            one = {"PartitionMaxBytes": 1 << 20, **one}
            topic = one.pop("Topic")
            name = {"TopicId": topic} if isinstance(topic, uuid.UUID) else {"Topic": topic}
            topics.append({**name, "Partitions": [one]})
        return {"MaxWaitMs": max_wait_ms, "MinBytes": min_bytes, "MaxBytes": max_bytes, "IsolationLevel": isolation,
                "SessionId": 0, "SessionEpoch": -1, "Topics": topics, **more}

    def fetch(self, *asked, version=12, **more):
        """The partitions' answers, in order."""
        answer = self.call(FETCH, version, self.fetch_value(asked, **more))
        return [partition for topic in answer["Responses"] for partition in topic["Partitions"]]

    def list_offset(self, topic, timestamp, partition=0, version=10, isolation=0, **more):
        answer = self.call(LIST_OFFSETS, version, {"ReplicaId": -1, "IsolationLevel": isolation, "Topics": [
            {"Name": topic, "Partitions": [{"PartitionIndex": partition, "Timestamp": timestamp, **more}]}]})
        return answer["Topics"][0]["Partitions"][0]

    def end_of_epoch(self, topic, epoch, partition=0, version=4, current=-1):
        answer = self.call(OFFSET_FOR_LEADER_EPOCH, version, {"ReplicaId": -1, "Topics": [
            {"Topic": topic, "Partitions": [
                {"Partition": partition, "CurrentLeaderEpoch": current, "LeaderEpoch": epoch}]}]})
        return answer["Topics"][0]["Partitions"][0]

    # Groups

    @staticmethod
    def join_value(group, member="", instance=None, protocols=(("range", subscription()),), session_ms=30000,
                   rebalance_ms=30000, kind="consumer"):
        return {"GroupId": group, "SessionTimeoutMs": session_ms, "RebalanceTimeoutMs": rebalance_ms,
                "MemberId": member, "GroupInstanceId": instance, "ProtocolType": kind,
                "Protocols": [{"Name": name, "Metadata": metadata} for name, metadata in protocols]}

    def join(self, group, version=9, **more):
        return self.call(JOIN_GROUP, version, self.join_value(group, **more))

    @staticmethod
    def sync_value(group, member, generation, assignments=(), **more):
        return {"GroupId": group, "GenerationId": generation, "MemberId": member, "ProtocolType": "consumer",
                "ProtocolName": "range", "Assignments": [
                    {"MemberId": to, "Assignment": assignment} for to, assignment in dict(assignments).items()],
                **more}

    def sync(self, group, member, generation, assignments=(), version=5, **more):
        return self.call(SYNC_GROUP, version, self.sync_value(group, member, generation, assignments, **more))

    def heartbeat(self, group, member, generation, instance=None, version=4):
        return self.call(HEARTBEAT, version, {"GroupId": group, "GenerationId": generation, "MemberId": member,
                                              "GroupInstanceId": instance})["ErrorCode"]

    def leave(self, group, *members, version=5):
        """`members`: (member id, instance id)."""
        return self.call(LEAVE_GROUP, version, {"GroupId": group, "Members": [
            {"MemberId": member, "GroupInstanceId": instance} for member, instance in members]})

    def commit(self, group, topic, offset, version=9, member="", generation=-1, partition=0, **more):
        """The error of one partition."""
        answer = self.call(OFFSET_COMMIT, version, {
            "GroupId": group, "GenerationIdOrMemberEpoch": generation, "MemberId": member,
            "Topics": [{"Name": topic, "Partitions": [
                {"PartitionIndex": partition, "CommittedOffset": offset, **more}]}]})
        return answer["Topics"][0]["Partitions"][0]["ErrorCode"]

    def committed(self, group, topic, partition=0, version=9):
        """The answer of one partition."""
        answer = self.call(OFFSET_FETCH, version, {"Groups": [{"GroupId": group, "Topics": [
            {"Name": topic, "PartitionIndexes": [partition]}]}]})
        return answer["Groups"][0]["Topics"][0]["Partitions"][0]

    def describe_group(self, group, version=6, **more):
        return self.call(DESCRIBE_GROUPS, version, {"Groups": [group], **more})["Groups"][0]
