// Views of bytes, and the reference-counted buffers record bytes live in between the socket and
// storage.
//
// A Buffer is aligned for O_DIRECT and shared by count: chunk buffers are at once the source of the
// write, the memory tail, and what readers on other cores send from. The count is atomic; the bytes
// are written only by the one who filled the buffer, before it is shared.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

namespace thalweg::base {

using ByteView = std::span<const std::byte>;
using MutableByteView = std::span<std::byte>;

inline ByteView as_bytes(std::string_view s) {
  return {reinterpret_cast<const std::byte*>(s.data()), s.size()};
}
inline std::string_view as_chars(ByteView b) {
  return {reinterpret_cast<const char*>(b.data()), b.size()};
}

inline constexpr size_t kIoAlignment = 4096;  // what O_DIRECT needs of memory, position and length

constexpr uint64_t align_up(uint64_t n, uint64_t alignment) {
  return (n + alignment - 1) / alignment * alignment;
}

// Memory for a block of `size` bytes (a multiple of kIoAlignment), aligned for O_DIRECT; freed with
// std::free. Whole huge pages where it is large enough for them: the kernel pins and copies them,
// and the processor finds them, at a fraction of the cost.
std::byte* allocate_block(size_t size);

// Buffer: a shared, aligned block. Copying shares it; the last one frees it (back to the pool it
// came from).
class Buffer {
 public:
  // Receives blocks whose last reference went away, on the thread that dropped it.
  class Recycler {
   public:
    virtual ~Recycler() = default;
    virtual void recycle(std::byte* data, size_t capacity) = 0;
  };

  Buffer() = default;
  // A new block of at least `capacity` bytes, rounded up to kIoAlignment; its content is not
  // initialised.
  static Buffer allocate(size_t capacity);
  // Adopts memory that `recycler` (which outlives the block) takes back.
  static Buffer adopt(std::byte* data, size_t capacity, Recycler& recycler);
  static Buffer copy_of(ByteView bytes);

  Buffer(const Buffer& other) : block_(other.block_) { retain(); }
  Buffer(Buffer&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Buffer& operator=(Buffer other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Buffer() { release(); }

  explicit operator bool() const { return block_ != nullptr; }
  std::byte* data() const { return block_->data; }
  size_t capacity() const { return block_ == nullptr ? 0 : block_->capacity; }
  bool unique() const { return block_->references.load(std::memory_order_acquire) == 1; }

 private:
  struct Block {
    std::atomic<uint32_t> references{1};
    std::byte* data;
    size_t capacity;
    Recycler* recycler;
  };
  explicit Buffer(Block* block) : block_(block) {}
  void retain() const {
    if (block_ != nullptr) block_->references.fetch_add(1, std::memory_order_relaxed);
  }
  void release();

  Block* block_ = nullptr;
};

// Slice: bytes, and the buffer that keeps them alive.
struct Slice {
  Buffer owner;
  ByteView bytes;
};

}  // namespace thalweg::base
