// The CRC over what it is used on: frame headers, small entries, blocks, chunks that are no longer
// in any cache.

#include <benchmark/benchmark.h>

#include <string>

#include "streamcore/base/crc32c.h"

namespace thalweg::base {
namespace {

void crc32c_of(benchmark::State& state) {
  const std::string bytes(static_cast<size_t>(state.range(0)), 'x');
  for (auto _ : state) benchmark::DoNotOptimize(crc32c(as_bytes(bytes)));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(crc32c_of)->Arg(36)->Arg(1024)->Arg(128 << 10)->Arg(4 << 20)->Arg(256 << 20);

void crc32c_combined(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(crc32c_combine(0x12345678, 0x9abcdef0, 1 << 20));
}
BENCHMARK(crc32c_combined);

}  // namespace
}  // namespace thalweg::base
