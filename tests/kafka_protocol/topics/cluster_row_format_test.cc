#include "kafka_protocol/topics/cluster_row_format.h"

#include "streamcore/base/byte_codec.h"
#include "tests/streamcore/base/damage.h"

namespace thalweg::topics {
namespace {

using base::ErrorCode;

constexpr std::string_view kId = "MkU3OEVBNTcwNTJENDM2Qg";

TEST(ClusterRowFormat, IsReadBackAsItWasWritten) {
  EXPECT_EQ(decode_cluster_row(encode_cluster_row(kId)), kId);
}

TEST(ClusterRowFormat, EveryTruncationIsDetected) {
  base::expect_every_truncation_is_detected(decode_cluster_row, encode_cluster_row(kId));
}

TEST(ClusterRowFormat, EverySingleBitFlipIsDetected) {
  base::expect_every_bit_flip_is_detected(decode_cluster_row, encode_cluster_row(kId));
}

TEST(ClusterRowFormat, AnotherVersionIsUnsupportedAndNoIdIsCorrupt) {
  base::ByteWriter later;
  later.put(uint8_t{2}).put_bytes(kId);
  EXPECT_EQ(decode_cluster_row(std::move(later).seal()).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(decode_cluster_row(encode_cluster_row("")).error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace thalweg::topics
