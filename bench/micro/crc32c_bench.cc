// The CRC over what it is used on: frame headers, small entries, blocks, chunks that are no longer
// in any cache.

#include <benchmark/benchmark.h>

#include <string>

#include "streamcore/base/crc32c.h"
#include "streamcore/base/crc32c_paths.h"

namespace thalweg::base {
namespace {

void crc32c_of(benchmark::State& state) {
  const std::string bytes(static_cast<size_t>(state.range(0)), 'x');
  for (auto _ : state) benchmark::DoNotOptimize(crc32c(as_bytes(bytes)));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(crc32c_of)
    ->Arg(36)
    ->Arg(256)
    ->Arg(1024)
    ->Arg(4096)
    ->Arg(16 << 10)
    ->Arg(128 << 10)
    ->Arg(4 << 20)
    ->Arg(256 << 20);

// One way among those of crc32c_paths.h, whether or not crc32c() would take it here.
void crc32c_path(benchmark::State& state, uint32_t (*path)(uint32_t, ByteView),
                 bool (*available)()) {
  if (!available()) return state.SkipWithError("this machine lacks the instructions");
  const std::string bytes(static_cast<size_t>(state.range(0)), 'x');
  for (auto _ : state) benchmark::DoNotOptimize(path(0, as_bytes(bytes)));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
constexpr auto kAlways = [] { return true; };
BENCHMARK_CAPTURE(crc32c_path, lanes, crc32c_paths::lanes, kAlways)
    ->RangeMultiplier(2)
    ->Range(64, 16 << 10);
BENCHMARK_CAPTURE(crc32c_path, fold_avx2, crc32c_paths::fold_avx2, crc32c_paths::has_fold_avx2)
    ->RangeMultiplier(2)
    ->Range(64, 16 << 10);
BENCHMARK_CAPTURE(crc32c_path, fold_avx512, crc32c_paths::fold_avx512,
                  crc32c_paths::has_fold_avx512)
    ->RangeMultiplier(2)
    ->Range(64, 16 << 10);

void crc32c_combined(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(crc32c_combine(0x12345678, 0x9abcdef0, 1 << 20));
}
BENCHMARK(crc32c_combined);

}  // namespace
}  // namespace thalweg::base
