// Building segments, and scanning one from a directory of the disk the benchmark is started on (the
// page cache, unless the object is larger than it): the reader with its real store, file system and
// event loop.

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "kafka_protocol/server/asio_executor.h"
#include "streamcore/base/check.h"
#include "streamcore/base/posix_file_system.h"
#include "streamcore/base/random.h"
#include "streamcore/object_store/local_object_store.h"
#include "streamcore/segment/segment_builder.h"
#include "streamcore/segment/segment_reader.h"

namespace thalweg::segment {
namespace {

constexpr ObjectId kObject(1);
constexpr size_t kChunkBytes = size_t{4} << 20;
constexpr size_t kCacheBytes = size_t{256} << 20;

struct Entry {
  EntryHeader header;
  base::Slice frame;
};

// Entries of `length` bytes of stream 1, one behind the other in chunk-sized buffers.
std::vector<Entry> entries_of(size_t total, uint32_t length) {
  const size_t framed = framed_entry_bytes(length);
  std::vector<Entry> entries;
  base::Buffer buffer;
  size_t used = kChunkBytes;
  for (size_t done = 0; done < total; done += framed) {
    if (used + framed > kChunkBytes) {
      buffer = base::Buffer::allocate(std::max(kChunkBytes, framed));
      std::memset(buffer.data(), 'x', buffer.capacity());
      used = 0;
    }
    const EntryHeader header{.stream = StreamId(1),
                             .base = Offset(entries.size()),
                             .max_timestamp = 1,
                             .count = 1,
                             .length = length,
                             .leader_epoch = LeaderEpoch(0)};
    encode_entry_header(header, buffer.data() + used);
    entries.push_back({header, {buffer, {buffer.data() + used, framed}}});
    used += framed;
  }
  return entries;
}

BuiltSegment build(const std::vector<Entry>& entries) {
  SegmentBuilder builder;
  builder.begin_stream(StreamId(1));
  for (const Entry& entry : entries) builder.add(entry.header, entry.frame);
  builder.end_stream("", Offset(0), Offset(entries.size()));
  return builder.finish();
}

// Argument: bytes of an entry.
void build_segment(benchmark::State& state) {
  const auto entries = entries_of(size_t{64} << 20, static_cast<uint32_t>(state.range(0)));
  uint64_t bytes = 0;
  for (auto _ : state) {
    const BuiltSegment built = build(entries);
    benchmark::DoNotOptimize(built.parts.data());
    bytes += built.size;
  }
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
}
BENCHMARK(build_segment)->Arg(100)->Arg(1000)->Arg(16 << 10)->Arg(1 << 20);

struct Scan {
  size_t object_bytes;
  uint32_t entry_bytes;
  size_t read_bytes;
  benchmark::State& state;
};

base::Task<void> scan_all(SegmentReader& reader, const SegmentRow& row, const Scan& scan) {
  uint64_t bytes = 0;
  Offset from = row.range.first;
  while (from < row.range.end) {
    const auto got = co_await reader.read(row, from, scan.read_bytes);
    CHECK(got.has_value() && !got->empty());
    for (const EntryRef& entry : *got) bytes += entry.payload.bytes.size();
    from = got->back().header.end();
  }
  CHECK_EQ(bytes, row.range.end.value * scan.entry_bytes);
}

base::Task<void> run_scans(server::AsioExecutor& executor, base::FileSystem& files,
                           const Scan& scan) {
  base::SystemRandom random;
  const auto store =
      (co_await object_store::LocalObjectStore::open(files, executor, random)).value();
  SegmentRow row{.object = kObject, .range = {}};
  {
    const BuiltSegment built = build(entries_of(scan.object_bytes, scan.entry_bytes));
    row.range = built.ranges.front();
    CHECK((co_await store->put_if_absent(segment_key(kObject), built.parts)).has_value());
  }
  for (auto _ : scan.state) {
    BlockCache cache(executor, kCacheBytes);
    SegmentReader reader(executor, *store, cache, {});
    co_await scan_all(reader, row, scan);
    co_await reader.stop_and_join();
  }
  scan.state.SetBytesProcessed(scan.state.iterations() * static_cast<int64_t>(row.range.bytes));
}

base::Task<void> run_then_stop(server::AsioExecutor& executor, base::FileSystem& files,
                               const Scan& scan) {
  co_await run_scans(executor, files, scan);
  executor.stop();
}

// Arguments: MiB of the object, bytes of an entry, KiB of a read.
void scan_segment(benchmark::State& state) {
  char directory[] = "segment_bench.XXXXXX";
  CHECK(mkdtemp(directory) != nullptr);
  {
    const Scan scan{.object_bytes = static_cast<size_t>(state.range(0)) << 20,
                    .entry_bytes = static_cast<uint32_t>(state.range(1)),
                    .read_bytes = static_cast<size_t>(state.range(2)) << 10,
                    .state = state};
    server::AsioExecutor executor;
    const auto files =
        base::PosixFileSystem::open(directory, executor, base::PosixOptions{}).value();
    base::TaskGroup group(executor);
    group.spawn(run_then_stop(executor, *files, scan));
    executor.run();
  }
  std::filesystem::remove_all(directory);
}
BENCHMARK(scan_segment)
    ->Args({1024, 16 << 10, 1024})
    ->Args({1024, 1000, 1024})
    ->Args({1024, 1 << 20, 1024})
    ->Args({1024, 16 << 10, 64})
    ->UseRealTime()
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace thalweg::segment
