#!/usr/bin/env python3
"""What DescribeConfigs tells: every key, its value, where the value comes from, its type."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "kit"))
import calls  # noqa: E402
from behaviour import BehaviourTest  # noqa: E402
from case import run_tests  # noqa: E402

TOPIC, BROKER, BROKER_LOGGER = 2, 4, 8
FROM_TOPIC, DYNAMIC_DEFAULT, STATIC, DEFAULT = 1, 3, 4, 5
BOOLEAN, STRING, INT, SHORT, LONG, DOUBLE, LIST, CLASS, PASSWORD = range(1, 10)
RETENTION_MS = "360000000"
FOREVER = str(2**63 - 1)

# Every topic config of Kafka 4: its type and its default.
TOPIC_CONFIGS = {
    "cleanup.policy": (LIST, "delete"), "compression.type": (STRING, "producer"),
    "compression.gzip.level": (INT, "-1"), "compression.lz4.level": (INT, "9"), "compression.zstd.level": (INT, "3"),
    "delete.retention.ms": (LONG, "86400000"), "file.delete.delay.ms": (LONG, "60000"),
    "flush.messages": (LONG, FOREVER), "flush.ms": (LONG, FOREVER),
    "follower.replication.throttled.replicas": (LIST, ""), "leader.replication.throttled.replicas": (LIST, ""),
    "index.interval.bytes": (INT, "4096"), "local.retention.bytes": (LONG, "-2"), "local.retention.ms": (LONG, "-2"),
    "max.compaction.lag.ms": (LONG, FOREVER), "max.message.bytes": (INT, "1048588"),
    "message.timestamp.after.max.ms": (LONG, "3600000"), "message.timestamp.before.max.ms": (LONG, FOREVER),
    "message.timestamp.type": (STRING, "CreateTime"), "min.cleanable.dirty.ratio": (DOUBLE, "0.5"),
    "min.compaction.lag.ms": (LONG, "0"), "min.insync.replicas": (INT, "1"), "preallocate": (BOOLEAN, "false"),
    "remote.log.copy.disable": (BOOLEAN, "false"), "remote.log.delete.on.disable": (BOOLEAN, "false"),
    "remote.storage.enable": (BOOLEAN, "false"), "retention.bytes": (LONG, "-1"), "retention.ms": (LONG, RETENTION_MS),
    "segment.bytes": (INT, "1073741824"), "segment.index.bytes": (INT, "10485760"), "segment.jitter.ms": (LONG, "0"),
    "segment.ms": (LONG, "604800000"), "unclean.leader.election.enable": (BOOLEAN, "false"),
}


class Configs(BehaviourTest):
    SETTINGS = {"log.retention.ms": RETENTION_MS}

    def describe(self, kind, name, keys=None, version=4, **more):
        resource = {"ResourceType": kind, "ResourceName": name, "ConfigurationKeys": keys}
        answer = self.client.call(calls.DESCRIBE_CONFIGS, version, {"Resources": [resource], **more})["Results"][0]
        self.assertEqual((answer["ResourceType"], answer["ResourceName"]), (kind, name))
        return answer

    def topic_configs(self, keys=None, version=4, name=None, **more):
        answer = self.describe(TOPIC, name or self.name, keys, version, **more)
        self.assert_error(answer, calls.NONE)
        return {config["Name"]: config for config in answer["Configs"]}

    def test_every_topic_config_of_kafka_is_told_with_its_default(self):
        self.client.create(self.name)
        told = {name: config["Value"] for name, config in self.topic_configs().items()}
        self.assertEqual({name: told.get(name) for name in TOPIC_CONFIGS},
                         {name: default for name, (_, default) in TOPIC_CONFIGS.items()})

    def test_every_topic_config_has_kafkas_type_from_version_3_on(self):
        self.client.create(self.name)
        told = {name: config["ConfigType"] for name, config in self.topic_configs(version=3).items()}
        self.assertEqual({name: told.get(name) for name in TOPIC_CONFIGS},
                         {name: kind for name, (kind, _) in TOPIC_CONFIGS.items()})

    def test_a_config_says_where_its_value_comes_from(self):
        self.client.create(self.name, segment_ms=1000000)
        configs = self.topic_configs()
        sources = {name: configs[name]["ConfigSource"] for name in ("segment.ms", "retention.ms", "flush.ms")}
        self.assertEqual(sources, {"segment.ms": FROM_TOPIC, "retention.ms": STATIC, "flush.ms": DEFAULT})
        self.assertFalse(any(config["ReadOnly"] or config["IsSensitive"] for config in configs.values()))

    def test_a_value_set_is_told_exactly_as_it_was_set(self):
        # Connect and Schema Registry die of a cleanup.policy that is not exactly "compact".
        for policy in ("compact", "compact,delete", "delete"):
            name = f"{self.name}-{policy.replace(',', '-')}"
            self.client.create(name, cleanup_policy=policy)
            self.assertEqual(self.topic_configs(name=name)["cleanup.policy"]["Value"], policy)

    def test_synonyms_are_told_only_to_who_asks_and_most_specific_first(self):
        self.client.create(self.name, retention_ms=5000)
        self.assertEqual(self.topic_configs()["retention.ms"]["Synonyms"], [])
        synonyms = self.topic_configs(IncludeSynonyms=True)["retention.ms"]["Synonyms"]
        self.assertEqual((synonyms[0]["Name"], synonyms[0]["Value"], synonyms[0]["Source"]),
                         ("retention.ms", "5000", FROM_TOPIC))
        self.assertEqual([s["Source"] for s in synonyms], sorted(s["Source"] for s in synonyms))
        self.assertIn(STATIC, [s["Source"] for s in synonyms])

    def test_documentation_is_told_only_to_who_asks(self):
        self.client.create(self.name)
        self.assertFalse(any(config["Documentation"] for config in self.topic_configs().values()))
        told = self.topic_configs(IncludeDocumentation=True)
        self.assertTrue(all(told[name]["Documentation"] for name in TOPIC_CONFIGS))

    def test_named_keys_alone_are_told_and_an_unknown_one_is_left_out(self):
        self.client.create(self.name)
        self.assertEqual(set(self.topic_configs(["retention.ms", "no.such.key"])), {"retention.ms"})

    def test_no_list_of_keys_asks_for_all(self):
        self.client.create(self.name)
        for version in (1, 2, 3, 4):
            with self.subTest(version=version):
                self.assertLessEqual(set(TOPIC_CONFIGS), set(self.topic_configs(None, version)))

    def test_an_empty_list_of_keys_asks_for_all(self):
        self.client.create(self.name)
        self.assertLessEqual(set(TOPIC_CONFIGS), set(self.topic_configs([])))

    def test_an_unknown_topic_is_unknown_and_an_illegal_name_illegal(self):
        self.assert_error(self.describe(TOPIC, "no-such-topic"), calls.UNKNOWN_TOPIC_OR_PARTITION)
        self.assert_error(self.describe(TOPIC, "no such topic"), calls.INVALID_TOPIC)

    def test_the_broker_of_that_id_tells_its_effective_configs(self):
        node = str(self.client.metadata([])["Brokers"][0]["NodeId"])
        answer = self.describe(BROKER, node, IncludeSynonyms=True)
        self.assert_error(answer, calls.NONE)
        configs = {config["Name"]: config for config in answer["Configs"]}
        retention = configs["log.retention.ms"]
        self.assertEqual((retention["Value"], retention["ConfigSource"]), (RETENTION_MS, STATIC))
        partitions = configs["num.partitions"]
        self.assertEqual((partitions["Value"], partitions["ConfigSource"]), ("1", DEFAULT))
        self.assertEqual([s["Source"] for s in retention["Synonyms"]][:1], [STATIC])

    def test_another_brokers_configs_are_an_invalid_request(self):
        for name in ("4711", "no number"):
            self.assert_error(self.describe(BROKER, name), calls.INVALID_REQUEST)

    def test_the_cluster_wide_default_of_brokers_holds_dynamic_configs_only(self):
        answer = self.describe(BROKER, "")
        self.assert_error(answer, calls.NONE)
        self.assertTrue(all(config["ConfigSource"] == DYNAMIC_DEFAULT for config in answer["Configs"]))

    def test_an_unknown_type_of_resource_is_an_invalid_request(self):
        self.assert_error(self.describe(99, "x"), calls.INVALID_REQUEST)


if __name__ == "__main__":
    run_tests()
