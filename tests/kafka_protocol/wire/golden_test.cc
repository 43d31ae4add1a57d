// Bytes written by Kafka's own serializer (kafka-clients 4.4.0), which we must write and read
// exactly.

#include <gtest/gtest.h>

#include "kafka_protocol/wire/codec.h"
#include "kafka_protocol/wire/messages/api_versions.h"
#include "kafka_protocol/wire/messages/fetch.h"
#include "kafka_protocol/wire/messages/metadata.h"
#include "kafka_protocol/wire/messages/produce.h"
#include "tests/kafka_protocol/wire/hex.h"

namespace thalweg::wire {
namespace {

constexpr Uuid kId{0x0102030405060708, 0x090a0b0c0d0e0f10};

template <class T>
void check(const T& message, int16_t version, std::string_view hex) {
  EXPECT_EQ(to_hex(encode(message, version).flatten()), hex);
  const Bytes bytes = from_hex(hex);
  const auto decoded = decode<T>(bytes, version);
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  EXPECT_EQ(to_hex(encode(*decoded, version).flatten()), hex);
}

TEST(Golden, ApiVersionsRequest) {
  ApiVersionsRequest request;
  check(request, 0, "");
  request.client_software_name = "kgo";
  request.client_software_version = "1.2";
  check(request, 3, "046b676f04312e3200");
  request.cluster_id = "c";
  request.node_id = 7;
  check(request, 5, "046b676f04312e3202630000000700");
}

TEST(Golden, ApiVersionsResponse) {
  ApiVersionsResponse response;
  response.error_code = KafkaError::kUnsupportedVersion;
  response.api_keys = {{.api_key = 18, .min_version = 0, .max_version = 5}};
  check(response, 0, "002300000001001200000005");
  response.error_code = KafkaError::kNone;
  response.throttle_time_ms = 3;
  response.finalized_features_epoch = 5;
  response.finalized_features = {{.name = "f", .max_version_level = 2, .min_version_level = 1}};
  check(response, 4, "0000020012000000050000000003020108000000000000000502080202660002000100");
}

TEST(Golden, MetadataRequest) {
  MetadataRequest request;
  check(request, 1, "ffffffff");
  check(request, 12, "00010000");
  request.topics = {{.topic_id = {}, .name = "foo"}, {.topic_id = kId, .name = std::nullopt}};
  request.allow_auto_topic_creation = false;
  request.include_topic_authorized_operations = true;
  check(request, 12,
        "030000000000000000000000000000000004666f6f00"
        "0102030405060708090a0b0c0d0e0f100000000100");
}

TEST(Golden, MetadataResponse) {
  MetadataResponse response;
  response.throttle_time_ms = 1;
  response.cluster_id = "cl";
  response.controller_id = 2;
  response.brokers = {{.node_id = 2, .host = "h", .port = 9092, .rack = std::nullopt}};
  MetadataResponse::Topic topic{.name = "foo", .topic_id = kId};
  topic.partitions = {{.partition_index = 1,
                       .leader_id = 2,
                       .leader_epoch = 4,
                       .replica_nodes = {2},
                       .isr_nodes = {2},
                       .offline_replicas = {}}};
  response.topics = {topic};
  check(response, 12,
        "000000010200000002026800002384000003636c0000000202000004666f6f"
        "0102030405060708090a0b0c0d0e0f100002000000000001000000020000000402000000020200000002010080"
        "0000000000");
  check(response, 1,
        "000000010000000200016800002384ffff000000020000000100000003666f6f000000000100000000000100"
        "00000200000001000000020000000100000002");
}

TEST(Golden, ProduceRequest) {
  ProduceRequest request;
  request.acks = -1;
  request.timeout_ms = 30000;
  ProduceRequest::Topic topic{.name = "foo", .topic_id = kId};
  topic.partition_data = {{.index = 3, .records = base::as_bytes("abc")}};
  request.topic_data = {topic};
  check(request, 3, "ffffffff00007530000000010003666f6f000000010000000300000003616263");
  check(request, 9, "00ffff000075300204666f6f020000000304616263000000");
  check(request, 13, "00ffff00007530020102030405060708090a0b0c0d0e0f10020000000304616263000000");
}

TEST(Golden, ProduceResponse) {
  ProduceResponse response;
  response.throttle_time_ms = 9;
  ProduceResponse::Topic topic{.name = "foo", .topic_id = kId};
  ProduceResponse::Topic::Partition partition;
  partition.index = 3;
  partition.error_code = KafkaError::kNotLeaderOrFollower;
  partition.base_offset = -1;
  partition.log_start_offset = 0;
  partition.current_leader = {.leader_id = 2, .leader_epoch = 4};
  topic.partition_responses = {partition};
  response.responses = {topic};
  response.node_endpoints = {{.node_id = 2, .host = "h", .port = 9092, .rack = std::nullopt}};
  check(response, 10,
        "0204666f6f02000000030006ffffffffffffffffffffffffffffffff00000000000000000100010009"
        "000000020000000400000000000901000d02000000020268000023840000");
}

TEST(Golden, FetchRequest) {
  FetchRequest request;
  request.max_wait_ms = 500;
  request.min_bytes = 1;
  request.rack_id = "r";
  FetchRequest::Topic topic{.topic = "foo", .topic_id = kId};
  FetchRequest::Topic::Partition partition;
  partition.partition = 3;
  partition.fetch_offset = 77;
  partition.partition_max_bytes = 1048576;
  topic.partitions = {partition};
  request.topics = {topic};
  check(request, 17,
        "000001f4000000017fffffff0000000000ffffffff020102030405060708090a0b0c0d0e0f100200000003ffff"
        "ffff000000000000004dffffffffffffffffffffffff00100000000001027200");
  check(request, 11,
        "ffffffff000001f4000000017fffffff0000000000ffffffff000000010003666f6f0000000100000003ffffff"
        "ff000000000000004dffffffffffffffff0010000000000000000172");
}

}  // namespace
}  // namespace thalweg::wire
