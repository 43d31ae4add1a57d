// Compressed blocks from strangers: never more than the limit, and what we compress comes back.
#include "kafka_protocol/records/compression.h"
#include "streamcore/base/check.h"
#include "tests/fuzz/fuzz_target.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace thalweg;
  constexpr size_t kBytesMax = 1 << 18;
  auto bytes = fuzz::view(data, size);
  const auto type = static_cast<records::Compression>(fuzz::take(bytes, 1) % 6);
  const auto plain = records::decompress(type, bytes, kBytesMax);
  if (plain.has_value()) CHECK(plain->size() <= kBytesMax);
  const auto block = records::compress(type, bytes);
  if (!block.has_value()) return 0;
  const auto again = records::decompress(type, *block, kBytesMax);
  CHECK(again.has_value());
  CHECK(std::equal(again->begin(), again->end(), bytes.begin(), bytes.end()));
  return 0;
}
