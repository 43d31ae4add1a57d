#include "streamcore/metadata/lease_row_format.h"

#include <gtest/gtest.h>

namespace thalweg::metadata {
namespace {

const LeaseRow kRow{.state = LeaseState::kReleased,
                    .holder = 0x0102030405060708,
                    .counter = 9,
                    .length_ms = 3000,
                    .name = "broker 1 on somewhere"};

TEST(LeaseRowFormat, RoundTrips) {
  for (const LeaseRow& row : {kRow, LeaseRow{}}) {
    const auto decoded = decode_lease_row(encode_lease_row(row));
    ASSERT_TRUE(decoded.has_value());
    EXPECT_EQ(*decoded, row);
  }
}

TEST(LeaseRowFormat, AnyDamageIsFound) {
  const std::string good = encode_lease_row(kRow);
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(decode_lease_row(bad).has_value()) << "bit " << bit;
  }
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(decode_lease_row(good.substr(0, size)).has_value()) << "cut to " << size;
  }
}

}  // namespace
}  // namespace thalweg::metadata
