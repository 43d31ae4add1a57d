// Damage done to an encoded row, for the tests of every format sealed with a CRC: cut off anywhere,
// lengthened, or with any one bit flipped, it must be refused as corrupt.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "streamcore/base/result.h"

namespace thalweg::base {

template <class Decode>
void expect_corrupt(Decode decode, std::string_view bytes, std::string_view what, size_t at) {
  const auto decoded = decode(bytes);
  ASSERT_FALSE(decoded.has_value()) << what << " " << at << " was not noticed";
  ASSERT_EQ(decoded.error().code, ErrorCode::kCorrupt) << what << " " << at;
}

template <class Decode>
void expect_every_truncation_is_detected(Decode decode, const std::string& encoded) {
  for (size_t length = 0; length < encoded.size(); ++length) {
    expect_corrupt(decode, std::string_view(encoded).substr(0, length), "cut off at", length);
    // A copy on the heap, so that a read past its end is seen by AddressSanitizer.
    expect_corrupt(decode, std::string(encoded, encoded.size() - length), "begun late by", length);
  }
  expect_corrupt(decode, encoded + '\0', "a byte too many at", encoded.size());
}

template <class Decode>
void expect_every_bit_flip_is_detected(Decode decode, std::string encoded) {
  for (size_t bit = 0; bit < encoded.size() * 8; ++bit) {
    const auto flip = static_cast<char>(1 << (bit % 8));
    encoded[bit / 8] = static_cast<char>(encoded[bit / 8] ^ flip);
    expect_corrupt(decode, encoded, "flipped bit", bit);
    encoded[bit / 8] = static_cast<char>(encoded[bit / 8] ^ flip);
  }
}

}  // namespace thalweg::base
