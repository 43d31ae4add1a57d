#include "streamcore/channel/lost_replica_row_format.h"

#include <gtest/gtest.h>

#include "streamcore/channel/row_keys.h"

namespace thalweg::channel {
namespace {

TEST(LostReplicaRowFormat, WhatIsEncodedIsDecoded) {
  const LostReplicaRow row{.successor = 0xFEDCBA9876543210};
  EXPECT_EQ(decode_lost_replica_row(encode_lost_replica_row(row)), row);
  EXPECT_EQ(lost_replica_of_row_key(lost_replica_row_key(0xFFFFFFFFFFFFFFFE)), 0xFFFFFFFFFFFFFFFE);
}

TEST(LostReplicaRowFormat, AnotherVersionAndDamageAreToldApart) {
  std::string bytes = encode_lost_replica_row({.successor = 5});
  EXPECT_EQ(decode_lost_replica_row(bytes.substr(1)).error().code, base::ErrorCode::kCorrupt);
  bytes[3] ^= 1;
  EXPECT_EQ(decode_lost_replica_row(bytes).error().code, base::ErrorCode::kCorrupt);
  EXPECT_EQ(decode_lost_replica_row(encode_lost_replica_row({})).error().code,
            base::ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace thalweg::channel
