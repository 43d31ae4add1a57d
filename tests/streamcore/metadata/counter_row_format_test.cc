#include "streamcore/metadata/counter_row_format.h"

#include "streamcore/base/byte_codec.h"
#include "streamcore/metadata/id_allocator.h"
#include "streamcore/metadata/memory_metadata_store.h"
#include "tests/sim/sim_executor.h"
#include "tests/streamcore/base/damage.h"

namespace thalweg::metadata {
namespace {

using base::ErrorCode;

constexpr uint64_t kNext = 0x0123'4567'89AB'CDEF;

std::string sealed_row(uint8_t version, uint64_t next) {
  base::ByteWriter out;
  out.put(version).put(next);
  return std::move(out).seal();
}

TEST(CounterRowFormat, IsReadBackAsItWasWritten) {
  for (const uint64_t next : {uint64_t{1}, kNext, UINT64_MAX}) {
    EXPECT_EQ(decode_counter_row(encode_counter_row(next)), next);
  }
}

TEST(CounterRowFormat, EveryTruncationIsDetected) {
  base::expect_every_truncation_is_detected(decode_counter_row, encode_counter_row(kNext));
}

TEST(CounterRowFormat, EverySingleBitFlipIsDetected) {
  base::expect_every_bit_flip_is_detected(decode_counter_row, encode_counter_row(kNext));
}

TEST(CounterRowFormat, AnotherVersionIsUnsupportedAndZeroIsCorrupt) {
  EXPECT_EQ(decode_counter_row(sealed_row(2, 5)).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(decode_counter_row(sealed_row(1, 0)).error().code, ErrorCode::kCorrupt);
}

TEST(IdAllocator, ADamagedCounterGivesOutNothing) {
  sim::SimExecutor executor;
  MemoryMetadataStore store(executor);
  std::string row = encode_counter_row(100);
  row[3] = static_cast<char>(row[3] ^ 1);
  ASSERT_TRUE(sim::run(executor, store.commit(Transaction().set("next/x", row))).has_value());
  IdAllocator ids(executor, store, "next/x", 10);
  const auto taken = sim::run(executor, ids.take(1));
  ASSERT_FALSE(taken.has_value());
  EXPECT_EQ(taken.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(taken.error().message.find("next/x"), std::string::npos);
}

}  // namespace
}  // namespace thalweg::metadata
