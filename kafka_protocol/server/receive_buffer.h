// ReceiveBuffer: the one reusable buffer a connection reads frames into (int32 length, then that
// many bytes).
//
// Memory follows the bytes that really arrived, never the declared length: the buffer doubles only
// when it is full, so it is at most twice what was received, plus the first step. Idle connections
// hold none. While a frame longer than one step is arriving, nothing beyond its end is asked for,
// so that large frames are never moved inside the buffer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>

#include "streamcore/base/bytes.h"

namespace thalweg::server {

// The one API the server knows by number: its requests overlap, and carry records.
inline constexpr int16_t kProduceApiKey = 0;

class ReceiveBuffer {
 public:
  static constexpr size_t kFirstBytes =
      16 * 1024;  // also what one read asks for beyond a frame's end

  // `other_bytes_max` is for requests of other APIs than Produce.
  explicit ReceiveBuffer(size_t produce_bytes_max, size_t other_bytes_max = SIZE_MAX)
      : produce_bytes_max_(produce_bytes_max),
        other_bytes_max_(std::min(produce_bytes_max, other_bytes_max)) {}

  // Where the next read goes; never empty as long as no bad length was seen.
  base::MutableByteView writable();
  void received(size_t bytes);

  // The first complete frame without its length, valid until pop_frame() or writable().
  std::optional<base::ByteView> front_frame() const;
  void pop_frame();
  // The declared length of the first frame if it is negative or above the limit: the stream is of
  // no use any more.
  std::optional<int32_t> bad_length() const;
  // What the first frame takes with its length; 0 while that is unknown or bad.
  size_t declared_bytes() const;
  // The longest that the first frame may be, as far as its API is known.
  size_t frame_bytes_max() const;

  bool empty() const { return begin_ == end_; }
  size_t size() const { return end_ - begin_; }
  base::ByteView content() const { return {data_.get() + begin_, size()}; }
  size_t capacity() const { return capacity_; }
  // Gives the memory back if nothing is in it.
  void release_if_empty();

 private:
  struct Free {
    void operator()(std::byte* p) const { std::free(p); }
  };
  std::optional<int32_t> declared_length() const;
  void move_to_front();
  void grow();

  size_t produce_bytes_max_;
  size_t other_bytes_max_;
  std::unique_ptr<std::byte, Free> data_;
  size_t capacity_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace thalweg::server
