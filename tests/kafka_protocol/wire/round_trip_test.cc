#include <gtest/gtest.h>

#include "kafka_protocol/wire/codec.h"
#include "kafka_protocol/wire/messages/all.h"
#include "kafka_protocol/wire/type_name.h"
#include "tests/kafka_protocol/wire/random_fill.h"

namespace thalweg::wire {
namespace {

constexpr int kFillsPerVersion = 40;

template <class T>
void check_round_trip(base::Random& random, int16_t version) {
  SCOPED_TRACE(type_name<T>() + " v" + std::to_string(version));
  std::deque<std::string> arena;
  const T message = random_fill<T>(random, version, arena);
  const EncodedMessage encoded = encode(message, version);
  const Bytes bytes = encoded.flatten();
  ASSERT_EQ(bytes.size(), encoded.size_bytes());
  const auto decoded = decode<T>(bytes, version);
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  EXPECT_TRUE(same(message, *decoded));
  EXPECT_EQ(encode(*decoded, version).flatten(), bytes);
}

template <class T>
void check_round_trips() {
  base::SeededRandom random(20);
  for (int16_t version = T::api.valid.first; version <= T::api.valid.last; ++version) {
    for (int i = 0; i < kFillsPerVersion; ++i) check_round_trip<T>(random, version);
  }
}

// A body cut anywhere is an error that names the message, in every version.
template <class T>
void check_truncations() {
  base::SeededRandom random(21);
  for (int16_t version = T::api.valid.first; version <= T::api.valid.last; ++version) {
    std::deque<std::string> arena;
    const T message = random_fill<T>(random, version, arena);
    const Bytes bytes = encode(message, version).flatten();
    for (size_t size = 0; size < bytes.size(); ++size) {
      // A copy of exactly that size, so that the sanitizer sees a read beyond it.
      const Bytes cut(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size));
      const auto decoded = decode<T>(cut, version);
      ASSERT_FALSE(decoded.has_value()) << type_name<T>() << " v" << version << " at " << size;
      ASSERT_EQ(decoded.error().code, base::ErrorCode::kCorrupt);
      ASSERT_TRUE(decoded.error().message.starts_with(type_name<T>()));
    }
  }
}

#define WIRE_TESTS(Name)                           \
  TEST(RoundTrip, Name##DecodesToWhatWasEncoded) { \
    check_round_trips<Name##Request>();            \
    check_round_trips<Name##Response>();           \
  }                                                \
  TEST(Truncation, Name##CutAtAnyByteIsAnError) {  \
    check_truncations<Name##Request>();            \
    check_truncations<Name##Response>();           \
  }
THALWEG_WIRE_APIS(WIRE_TESTS)

}  // namespace
}  // namespace thalweg::wire
