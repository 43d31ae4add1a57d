// Body: the bytes of one object, in blocks of a pool that uses them again. Single-threaded.
//
// Chunks come and go by the gigabyte, and memory that is touched for the first time costs more than
// the copy into it: below a virtual machine 2 MiB can take milliseconds. So the pool keeps what it
// ever had, and touches a reserve before anybody is served.
#pragma once

#include <boost/asio/buffer.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace thalweg::s3_stub {

class BlockPool {
 public:
  static constexpr size_t kBlockBytes = 256 << 10;

  explicit BlockPool(size_t reserve_bytes);
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  std::byte* take();
  void give_back(std::byte* block) { free_.push_back(block); }

 private:
  void grow(bool touch);

  bool reserved_;                 // and not used up yet
  std::vector<std::byte*> free_;  // the last given back is the first taken: it may be in the cache
};

class Body {
 public:
  // What is smaller has memory of its own.
  static constexpr size_t kPooledBytesMin = 32 << 10;

  // The pool outlives it.
  Body(BlockPool& pool, uint64_t size);
  ~Body();
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  uint64_t size() const { return size_; }
  // The bytes from `offset` on; both within the body.
  std::vector<boost::asio::mutable_buffer> pieces(uint64_t offset, uint64_t length) const;

 private:
  BlockPool& pool_;
  const uint64_t size_;
  std::unique_ptr<std::byte[]> small_;
  std::vector<std::byte*> blocks_;
};

}  // namespace thalweg::s3_stub
