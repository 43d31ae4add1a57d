#include "kafka_protocol/coordinator/offsets_records_format.h"

#include <gtest/gtest.h>

#include "kafka_protocol/coordinator/subscription.h"

namespace thalweg::coordinator {
namespace {

wire::Bytes from_hex(std::string_view hex) {
  wire::Bytes out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<std::byte>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

OffsetCommitValue an_offset() {
  return {.offset = 123456789012,
          .leader_epoch = 7,
          .metadata = "note",
          .commit_timestamp = 1700000000000,
          .expire_timestamp = -1,
          .topic_id = {}};
}

GroupMetadataValue a_group() {
  return {.protocol_type = "consumer",
          .generation = 5,
          .protocol = "range",
          .leader = "m-1",
          .current_state_timestamp = 1700000000001,
          .members = {{.member_id = "m-1",
                       .group_instance_id = "i",
                       .client_id = "c",
                       .client_host = "/h",
                       .rebalance_timeout = 60000,
                       .session_timeout = 10000,
                       .subscription = {std::byte{1}, std::byte{2}},
                       .assignment = {std::byte{3}}}}};
}

// Written by the classes of kafka-group-coordinator 4.3.1 (MessageUtil).
TEST(OffsetsRecords, AreThoseOfKafka) {
  EXPECT_EQ(encode_key(OffsetCommitKey{"g", "topic", 3}),
            from_hex("00010001670005746f70696300000003"));
  EXPECT_EQ(encode_key(GroupMetadataKey{"g"}), from_hex("0002000167"));
  EXPECT_EQ(encode_value(an_offset()),
            from_hex("00030000001cbe991a140000000700046e6f74650000018bcfe56800"));
  auto with_topic = an_offset();
  with_topic.topic_id = {1, 2};
  EXPECT_EQ(encode_value(with_topic),
            from_hex("00040000001cbe991a1400000007056e6f74650000018bcfe56800010010000000000000"
                     "00010000000000000002"));
  auto expiring = an_offset();
  expiring.leader_epoch = -1;
  expiring.expire_timestamp = 1800000000000;
  EXPECT_EQ(encode_value(expiring),
            from_hex("00010000001cbe991a1400046e6f74650000018bcfe56800000001a3185c5000"));
  EXPECT_EQ(encode_value(a_group()),
            from_hex("00030008636f6e73756d657200000005000572616e676500036d2d310000018bcfe56801"
                     "0000000100036d2d3100016900016300022f680000ea6000002710000000020102000000"
                     "0103"));
}

TEST(OffsetsRecords, EveryVersionOfAGroupIsRead) {
  auto v0 = decode_group_metadata_value(
      from_hex("00000008636f6e73756d657200000005000572616e676500036d2d310000000100036d2d"
               "3100016300022f68000027100000000201020000000103"));
  ASSERT_TRUE(v0.has_value());
  auto expected = a_group();
  expected.current_state_timestamp = -1;
  expected.members[0].group_instance_id.reset();
  expected.members[0].rebalance_timeout = -1;
  EXPECT_EQ(*v0, expected);
  auto v4 = decode_group_metadata_value(
      from_hex("000409636f6e73756d6572000000050672616e6765046d2d310000018bcfe5680102046d"
               "2d3102690263032f680000ea600000271003010202030000"));
  ASSERT_TRUE(v4.has_value());
  EXPECT_EQ(*v4, a_group());
}

TEST(OffsetsRecords, RoundTrip) {
  const OffsetCommitKey offset_key{"group", "topic", 9};
  EXPECT_EQ(*decode_key(encode_key(offset_key)), OffsetsKey(offset_key));
  const GroupMetadataKey group_key{"group"};
  EXPECT_EQ(*decode_key(encode_key(group_key)), OffsetsKey(group_key));
  EXPECT_EQ(*decode_offset_commit_value(encode_value(an_offset())), an_offset());
  EXPECT_EQ(*decode_group_metadata_value(encode_value(a_group())), a_group());
}

TEST(OffsetsRecords, ALegacyKeyIsTheSameKey) {
  auto legacy = encode_key(OffsetCommitKey{"g", "t", 1});
  legacy[1] = std::byte{0};
  EXPECT_EQ(*decode_key(legacy), OffsetsKey(OffsetCommitKey{"g", "t", 1}));
}

TEST(OffsetsRecords, OtherTypesAreToldApart) {
  EXPECT_EQ(*decode_key(from_hex("0003000167")), OffsetsKey(UnknownKey{3}));
}

TEST(OffsetsRecords, EveryTruncationIsCorrupt) {
  const auto cut_all = [](const wire::Bytes& bytes, auto decode) {
    for (size_t n = 0; n < bytes.size(); ++n) {
      auto decoded = decode(ByteView(bytes).first(n));
      ASSERT_FALSE(decoded.has_value()) << n;
      EXPECT_EQ(decoded.error().code, base::ErrorCode::kCorrupt);
    }
  };
  cut_all(encode_key(OffsetCommitKey{"g", "t", 1}), decode_key);
  cut_all(encode_key(GroupMetadataKey{"g"}), decode_key);
  cut_all(encode_value(an_offset()), decode_offset_commit_value);
  cut_all(encode_value(a_group()), decode_group_metadata_value);
}

TEST(OffsetsRecords, ALaterVersionIsUnsupported) {
  auto value = encode_value(an_offset());
  value[1] = std::byte{5};
  EXPECT_EQ(decode_offset_commit_value(value).error().code, base::ErrorCode::kUnsupported);
}

TEST(Subscription, TopicsAreReadAndTruncationIsNoticed) {
  const wire::Bytes bytes = from_hex(
      "0001"
      "00000002"
      "000161"
      "00026262"
      "ffffffff");
  std::vector<std::string> topics;
  EXPECT_TRUE(append_subscribed_topics(bytes, topics));
  EXPECT_EQ(topics, (std::vector<std::string>{"a", "bb"}));
  for (size_t n = 0; n < 13; ++n) {
    EXPECT_FALSE(append_subscribed_topics(ByteView(bytes).first(n), topics)) << n;
  }
}

}  // namespace
}  // namespace thalweg::coordinator
