// raw-sync: what one durable 4 KiB write costs on this disk now, without any broker: direct
// overwrites of a pre-written file, each followed by fdatasync. The floor of every latency beside
// it.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "bench/load/client.h"

namespace thalweg::load {

namespace {
constexpr size_t kBlockBytes = 4096;
constexpr size_t kFileBytes = 64 << 20;
}  // namespace

int raw_sync(const Options& options) {
  const std::string path = options.directory + "/raw-sync";
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_DIRECT | O_CLOEXEC, 0600);
  if (file < 0) die("cannot open " + path + ": " + std::strerror(errno));
  void* block = std::aligned_alloc(kBlockBytes, 1 << 20);
  std::memset(block, 'x', 1 << 20);
  for (size_t at = 0; at < kFileBytes; at += 1 << 20) {
    if (::pwrite(file, block, 1 << 20, at) != 1 << 20) die("cannot write " + path);
  }
  ::fsync(file);
  Histogram latencies;
  const int64_t began = now_microseconds();
  const auto until = began + static_cast<int64_t>(options.seconds * 1e6);
  int64_t now = began;
  for (size_t at = 0; now < until; at = (at + kBlockBytes) % kFileBytes) {
    const int64_t start = now_microseconds();
    if (::pwrite(file, block, kBlockBytes, at) != kBlockBytes || ::fdatasync(file) != 0) {
      die("cannot write " + path);
    }
    now = now_microseconds();
    latencies.add(now - start);
  }
  print_result(latencies.count(), latencies.count() * kBlockBytes, now - began, latencies);
  ::close(file);
  ::unlink(path.c_str());
  std::free(block);
  return 0;
}

}  // namespace thalweg::load
