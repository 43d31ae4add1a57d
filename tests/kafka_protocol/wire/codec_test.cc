#include "kafka_protocol/wire/codec.h"

#include <gtest/gtest.h>

#include "kafka_protocol/wire/decoder.h"
#include "kafka_protocol/wire/encoder.h"
#include "kafka_protocol/wire/error_code.h"
#include "kafka_protocol/wire/frame.h"
#include "kafka_protocol/wire/messages/fetch.h"
#include "kafka_protocol/wire/messages/heartbeat.h"
#include "kafka_protocol/wire/messages/join_group.h"
#include "kafka_protocol/wire/messages/metadata.h"
#include "kafka_protocol/wire/messages/produce.h"
#include "tests/kafka_protocol/wire/hex.h"

namespace thalweg::wire {
namespace {

base::Slice slice_of(std::string_view text) {
  const base::Buffer buffer = base::Buffer::copy_of(base::as_bytes(text));
  return {buffer, ByteView(buffer.data(), text.size())};
}

FetchResponse fetch_response(std::string_view topic, Records records) {
  FetchResponse::Topic::Partition partition;
  partition.records = std::move(records);
  FetchResponse response;
  response.responses = {{.topic = topic, .topic_id = {}, .partitions = {partition}}};
  return response;
}

TEST(Codec, VersionOutsideTheValidRangeIsUnsupported) {
  for (const int16_t version : {int16_t{3}, int16_t{18}, int16_t{-1}}) {
    const auto decoded = decode<FetchRequest>({}, version);
    ASSERT_FALSE(decoded.has_value());
    EXPECT_EQ(decoded.error().code, base::ErrorCode::kUnsupported);
  }
}

TEST(Codec, StringsAndRecordsOfARequestBorrowFromTheFrame) {
  const Bytes body = from_hex("00ffff000075300204666f6f020000000304616263000000");
  const auto request = decode<ProduceRequest>(body, 9);
  ASSERT_TRUE(request.has_value());
  const auto inside = [&](const void* p) {
    return p >= body.data() && p < body.data() + body.size();
  };
  EXPECT_TRUE(inside(request->topic_data[0].name.data()));
  EXPECT_TRUE(inside(request->topic_data[0].partition_data[0].records->data()));
}

TEST(Codec, RecordSlicesAreSentFromWhereTheyAre) {
  Records records(slice_of("first"));
  records.append(slice_of(""));
  records.append(slice_of("second"));
  const std::byte* first = records.slices()[0].bytes.data();
  const std::byte* second = records.slices()[2].bytes.data();
  const EncodedMessage encoded = std::move(*encode_response(fetch_response("t", records), 12, 1));
  records = Records();
  const std::vector<ByteView> parts = encoded.parts();
  ASSERT_EQ(parts.size(), 4u);  // head, two slices, tail
  EXPECT_EQ(parts[1].data(), first);
  EXPECT_EQ(base::as_chars(parts[1]), "first");
  EXPECT_EQ(parts[2].data(), second);
  EXPECT_EQ(base::as_chars(parts[2]), "second");
  const Bytes frame = encoded.flatten();
  EXPECT_EQ(decode_frame_length(ByteView(frame).first(4), frame.size()).value(), frame.size() - 4);
  const auto header = decode_response_header(ByteView(frame).subspan(4), FetchResponse::api, 12);
  const auto decoded = decode<FetchResponse>(header->body, 12);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->responses[0].partitions[0].records->size_bytes(), 11u);
}

TEST(Codec, AnAnswerThatHoldsTooMuchBesidesRecordsIsRefused) {
  MetadataResponse response;
  response.topics.resize(kResponseBytesMax / kStringBytesMax + 1);
  for (auto& topic : response.topics) topic.name = std::string(kStringBytesMax, 'x');
  EXPECT_EQ(encode_response(response, 12, 1).error().code, base::ErrorCode::kTooLarge);
  for (int i = 0; i < 5; ++i) response.topics.pop_back();
  EXPECT_TRUE(encode_response(response, 12, 1).has_value());
}

TEST(Codec, AResponseGivesItsRecordBuffersAway) {
  base::Buffer buffer = base::Buffer::copy_of(base::as_bytes("records"));
  const ByteView bytes(buffer.data(), 7);
  FetchResponse response = fetch_response("t", Records({std::move(buffer), bytes}));
  const auto encoded = encode_response(std::move(response), 12, 1);
  size_t parts = 0;
  encoded->for_each_part([&](ByteView part) { parts += part.data() == bytes.data(); });
  EXPECT_EQ(parts, 1u);
  EXPECT_FALSE(response.responses.size() > 0 &&
               response.responses[0].partitions[0].records->slices()[0].owner);
}

TEST(Codec, PartitionWithoutRecordsHasEmptyRecordsNotNull) {
  const Bytes body = encode(fetch_response("t", Records()), 4).flatten();
  EXPECT_TRUE(to_hex(body).ends_with("ffffffff00000000"));  // no aborted transactions, no records
}

TEST(Codec, UnknownTagsAreSkippedAtEveryLevel) {
  const Bytes body = from_hex(
      "00ffff00007530"
      "0204666f6f"
      "020000000304616263"
      "01ff01021122"      // partition: tag 255
      "02050064037788aa"  // topic: tags 5 and 100
      "010901ee");        // request: tag 9
  const auto request = decode<ProduceRequest>(body, 9);
  ASSERT_TRUE(request.has_value()) << request.error().message;
  EXPECT_EQ(base::as_chars(*request->topic_data[0].partition_data[0].records), "abc");
  EXPECT_EQ(to_hex(encode(*request, 9).flatten()),
            "00ffff000075300204666f6f020000000304616263000000");
}

TEST(Codec, KnownTagMustFillItsSize) {
  // cluster_id "c" under tag 0, whose size says 2, then 3, then 1.
  const std::string body = std::string(42, '0') + "010101";  // all else zero or empty
  const auto with_tag = [&](std::string_view tag) {
    return decode<FetchRequest>(from_hex(body + std::string(tag)), 16).has_value();
  };
  EXPECT_TRUE(with_tag("0100020263"));
  EXPECT_FALSE(with_tag("010003026300"));
  EXPECT_FALSE(with_tag("0100010263"));
  EXPECT_FALSE(with_tag("01000502"));
}

TEST(Codec, TaggedFieldAtItsDefaultIsNotWritten) {
  FetchRequest request;
  const size_t plain = encode(request, 16).size_bytes();
  request.replica_state.replica_epoch = 1;
  EXPECT_EQ(encode(request, 16).size_bytes(), plain + 15);  // tag, size, int32, int64, no tags
}

TEST(Codec, FieldTheVersionLacksReadsAsItsDefault) {
  const auto request = decode<MetadataRequest>(from_hex("00000000"), 0);
  ASSERT_TRUE(request.has_value());
  EXPECT_TRUE(request->allow_auto_topic_creation);
  ASSERT_TRUE(request->topics.has_value());
  EXPECT_TRUE(request->topics->empty());
}

TEST(Codec, NullIsAnErrorInVersionsWithoutIt) {
  EXPECT_FALSE(decode<MetadataRequest>(from_hex("ffffffff"), 0).has_value());
  EXPECT_TRUE(decode<MetadataRequest>(from_hex("ffffffff"), 1).has_value());
  EXPECT_FALSE(decode<HeartbeatRequest>(from_hex("ffff000000000000"), 0).has_value());
  EXPECT_FALSE(decode<HeartbeatRequest>(from_hex("00000000000101"
                                                 "0000"),
                                        4)
                   .has_value());
}

TEST(Codec, NullIsWrittenAsEmptyInVersionsWithoutIt) {
  JoinGroupResponse response;
  EXPECT_EQ(to_hex(encode(response, 0).flatten()), "0000ffffffff00000000000000000000");
  EXPECT_EQ(decode<JoinGroupResponse>(encode(response, 0).flatten(), 0)->protocol_name, "");
}

TEST(Codec, LengthBelowMinusOneIsAnError) {
  EXPECT_FALSE(decode<MetadataRequest>(from_hex("fffffffe"), 1).has_value());
  EXPECT_FALSE(decode<HeartbeatRequest>(from_hex("8000000000000000"), 0).has_value());
}

TEST(Codec, StringIsCutAtTheLongestTheProtocolCarries) {
  ProduceResponse response;
  response.responses.resize(1);
  response.responses[0].partition_responses.resize(1);
  response.responses[0].partition_responses[0].error_message = std::string(40000, 'x');
  for (const int16_t version : {int16_t{8}, int16_t{9}}) {
    const Bytes body = encode(response, version).flatten();
    const auto decoded = decode<ProduceResponse>(body, version);
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
    EXPECT_EQ(decoded->responses[0].partition_responses[0].error_message->size(), kStringBytesMax);
  }
}

TEST(Codec, ErrorNamesMessageVersionAndPlace) {
  const auto decoded = decode<MetadataRequest>(from_hex("00000001"
                                                        "0005"
                                                        "6162"),
                                               1);
  ASSERT_FALSE(decoded.has_value());
  EXPECT_EQ(decoded.error().message, "MetadataRequest v1 at byte 6: 5 bytes wanted, 2 left");
}

uint32_t varint(std::string_view hex, bool* ok) {
  const Bytes bytes = from_hex(hex);
  Decoder in(bytes, 0, true);
  const uint32_t value = in.read_varint();
  *ok = in.ok();
  return value;
}

TEST(Varint, ReadsWhatIsWritten) {
  for (const uint32_t value : {0u, 1u, 127u, 128u, 16383u, 16384u, 0x7fffffffu, 0xffffffffu}) {
    Encoder counter(0, true);
    counter.write_varint(value);
    Bytes bytes(counter.own_bytes());
    Encoder out(0, true, bytes.data(), nullptr);
    out.write_varint(value);
    Decoder in(bytes, 0, true);
    EXPECT_EQ(in.read_varint(), value);
    EXPECT_TRUE(in.ok() && in.rest().empty());
  }
}

TEST(Varint, BeyondThirtyTwoBitsIsAnError) {
  bool ok = false;
  EXPECT_EQ(varint("ffffffff0f", &ok), 0xffffffffu);
  EXPECT_TRUE(ok);
  for (const auto* hex : {"ffffffff10", "8080808080", "ffffffffffffffff01", "ff", "", "80808080"}) {
    varint(hex, &ok);
    EXPECT_FALSE(ok) << hex;
  }
}

TEST(Uuid, TextIsThatOfKafka) {
  const Uuid id{0x0102030405060708, 0x090a0b0c0d0e0f10};
  EXPECT_EQ(to_string(id), "AQIDBAUGBwgJCgsMDQ4PEA");
  EXPECT_EQ(parse_uuid("AQIDBAUGBwgJCgsMDQ4PEA"), id);
  EXPECT_EQ(parse_uuid(to_string(Uuid{~0ull, ~0ull})), (Uuid{~0ull, ~0ull}));
  EXPECT_EQ(parse_uuid("AQIDBAUGBwgJCgsMDQ4PE"), std::nullopt);
  EXPECT_EQ(parse_uuid("AQIDBAUGBwgJCgsMDQ4PEB"), std::nullopt);
  EXPECT_EQ(parse_uuid("AQIDBAUGBwgJCgsMDQ4P+A"), std::nullopt);
}

TEST(KafkaError, HasTheNamesOfKafka) {
  EXPECT_EQ(to_string(KafkaError::kUnknownServerError), "UNKNOWN_SERVER_ERROR");
  EXPECT_EQ(to_string(KafkaError::kNone), "NONE");
  EXPECT_EQ(to_string(static_cast<KafkaError>(35)), "UNSUPPORTED_VERSION");
  EXPECT_EQ(to_string(static_cast<KafkaError>(133)), "SHARE_SESSION_LIMIT_REACHED");
  EXPECT_EQ(to_string(static_cast<KafkaError>(999)), "UNKNOWN_CODE");
}

}  // namespace
}  // namespace thalweg::wire
