#include "kafka_protocol/wire/frame.h"

#include <gtest/gtest.h>

#include "kafka_protocol/wire/codec.h"
#include "kafka_protocol/wire/messages/api_versions.h"
#include "kafka_protocol/wire/messages/heartbeat.h"
#include "tests/kafka_protocol/wire/hex.h"

namespace thalweg::wire {
namespace {

constexpr size_t kFrameMax = 100 << 20;

ByteView without_length(const Bytes& frame) { return ByteView(frame).subspan(kLengthBytes); }

TEST(Frame, RequestHasHeaderV1BeforeTheFlexibleVersionAndV2FromItOn) {
  ApiVersionsRequest request{.client_software_name = "kgo", .client_software_version = "1.2"};
  EXPECT_EQ(to_hex(encode_request(request, 0, 1, "t").flatten()), "0000000b0012000000000001000174");
  EXPECT_EQ(to_hex(encode_request(request, 3, 1, "t").flatten()),
            "000000150012000300000001000174"
            "00046b676f04312e3200");
}

TEST(Frame, RequestHeaderIsReadBack) {
  const ApiVersionsRequest request{.client_software_name = "kgo", .client_software_version = "1"};
  for (const int16_t version : {int16_t{0}, int16_t{3}}) {
    const Bytes frame = encode_request(request, version, -5, "client").flatten();
    const auto peek = peek_request(without_length(frame));
    ASSERT_TRUE(peek.has_value());
    EXPECT_EQ(peek->api_key, kApiVersionsKey);
    EXPECT_EQ(peek->version, version);
    EXPECT_EQ(peek->correlation_id, -5);
    const auto header = decode_request_header(without_length(frame), version >= 3);
    ASSERT_TRUE(header.has_value());
    EXPECT_EQ(header->client_id, "client");
    EXPECT_EQ(to_hex(header->body), to_hex(encode(request, version).flatten()));
  }
}

TEST(Frame, NullClientIdIsAccepted) {
  const auto header = decode_request_header(from_hex("000c000000000001ffff"), false);
  ASSERT_TRUE(header.has_value());
  EXPECT_FALSE(header->client_id.has_value());
  EXPECT_TRUE(header->body.empty());
}

TEST(Frame, TagsOfTheHeaderAreSkipped) {
  const Bytes frame = from_hex("000c0004000000010001740205011109021122ee");
  const auto header = decode_request_header(frame, true);
  ASSERT_TRUE(header.has_value()) << header.error().message;
  EXPECT_EQ(to_hex(header->body), "ee");
}

TEST(Frame, RequestHeaderCutAnywhereIsAnError) {
  const Bytes frame = from_hex("000c0004000000010001740105021122");
  ASSERT_TRUE(decode_request_header(frame, true).has_value());
  for (size_t size = 0; size < frame.size(); ++size) {
    const Bytes cut(frame.begin(), frame.begin() + static_cast<ptrdiff_t>(size));
    EXPECT_FALSE(decode_request_header(cut, true).has_value()) << size;
    EXPECT_EQ(peek_request(cut).has_value(), size >= 8);
  }
}

TEST(Frame, ClientIdOfNegativeLengthIsAnError) {
  EXPECT_FALSE(decode_request_header(from_hex("000c000000000001fffe"), false).has_value());
}

TEST(Frame, ResponseHeaderHasTagsFromTheFlexibleVersionOn) {
  const HeartbeatResponse response{.throttle_time_ms = 1, .error_code = KafkaError::kNone};
  EXPECT_EQ(to_hex(encode_response(response, 3, 7)->flatten()), "0000000a00000007000000010000");
  const Bytes frame = encode_response(response, 4, 7)->flatten();
  EXPECT_EQ(to_hex(frame), "0000000c000000070000000001000000");
  const auto header = decode_response_header(without_length(frame), HeartbeatResponse::api, 4);
  ASSERT_TRUE(header.has_value());
  EXPECT_EQ(header->correlation_id, 7);
  EXPECT_EQ(to_hex(header->body), "00000001000000");
}

TEST(Frame, ResponseHeaderOfApiVersionsNeverHasTags) {
  const ApiVersionsResponse response;
  EXPECT_EQ(to_hex(encode_response(response, 3, 7)->flatten()),
            "0000000c00000007000001"
            "0000000000");
}

TEST(Frame, LengthIsBounded) {
  EXPECT_EQ(decode_frame_length(from_hex("06400000"), kFrameMax).value(), kFrameMax);
  EXPECT_EQ(decode_frame_length(from_hex("06400001"), kFrameMax).error().code,
            base::ErrorCode::kTooLarge);
  EXPECT_EQ(decode_frame_length(from_hex("ffffffff"), kFrameMax).error().code,
            base::ErrorCode::kCorrupt);
  EXPECT_EQ(decode_frame_length(from_hex("00000007"), kFrameMax).error().code,
            base::ErrorCode::kCorrupt);
  EXPECT_FALSE(decode_frame_length(from_hex("000000"), kFrameMax).has_value());
}

}  // namespace
}  // namespace thalweg::wire
