#include "kafka_protocol/server/receive_buffer.h"

#include <endian.h>

#include <algorithm>
#include <cstring>

#include "streamcore/base/check.h"

namespace thalweg::server {

namespace {
constexpr size_t kLengthBytes = 4;
constexpr size_t kApiKeyBytes = 2;  // the first of every request
}  // namespace

base::MutableByteView ReceiveBuffer::writable() {
  if (empty()) begin_ = end_ = 0;
  const auto length = declared_length();
  const size_t missing = length ? kLengthBytes + static_cast<size_t>(*length) - size() : 0;
  if (capacity_ - end_ < std::max<size_t>(missing, 1) && begin_ != 0) move_to_front();
  if (end_ == capacity_) grow();
  const size_t free = capacity_ - end_;
  return {data_.get() + end_, std::min(free, std::max(missing, kFirstBytes))};
}

void ReceiveBuffer::received(size_t bytes) {
  end_ += bytes;
  CHECK_LE(end_, capacity_);
}

std::optional<base::ByteView> ReceiveBuffer::front_frame() const {
  const auto length = declared_length();
  if (!length || bad_length()) return std::nullopt;
  const size_t bytes = static_cast<size_t>(*length);
  if (size() - kLengthBytes < bytes) return std::nullopt;
  return base::ByteView(data_.get() + begin_ + kLengthBytes, bytes);
}

void ReceiveBuffer::pop_frame() {
  const auto frame = front_frame();
  CHECK(frame.has_value());
  begin_ += kLengthBytes + frame->size();
}

std::optional<int32_t> ReceiveBuffer::bad_length() const {
  const auto length = declared_length();
  if (!length) return std::nullopt;
  const bool good = *length >= 0 && static_cast<size_t>(*length) <= frame_bytes_max();
  return good ? std::nullopt : length;
}

size_t ReceiveBuffer::declared_bytes() const {
  const auto length = declared_length();
  return !length || bad_length() ? 0 : kLengthBytes + static_cast<size_t>(*length);
}

size_t ReceiveBuffer::frame_bytes_max() const {
  if (size() < kLengthBytes + kApiKeyBytes) return produce_bytes_max_;
  uint16_t big_endian;
  std::memcpy(&big_endian, data_.get() + begin_ + kLengthBytes, sizeof(big_endian));
  const bool produce = static_cast<int16_t>(be16toh(big_endian)) == kProduceApiKey;
  return produce ? produce_bytes_max_ : other_bytes_max_;
}

std::optional<int32_t> ReceiveBuffer::declared_length() const {
  if (size() < kLengthBytes) return std::nullopt;
  uint32_t big_endian;
  std::memcpy(&big_endian, data_.get() + begin_, sizeof(big_endian));
  return static_cast<int32_t>(be32toh(big_endian));
}

void ReceiveBuffer::move_to_front() {
  std::memmove(data_.get(), data_.get() + begin_, size());
  end_ -= begin_;
  begin_ = 0;
}

// realloc moves large blocks by remapping pages instead of copying them.
void ReceiveBuffer::grow() {
  const size_t wanted = std::clamp(2 * capacity_, kFirstBytes,
                                   std::max(kFirstBytes, kLengthBytes + produce_bytes_max_));
  CHECK_LT(capacity_, wanted);
  auto* grown = static_cast<std::byte*>(std::realloc(data_.release(), wanted));
  CHECK(grown != nullptr);
  data_.reset(grown);
  capacity_ = wanted;
}

void ReceiveBuffer::release_if_empty() {
  if (!empty()) return;
  data_.reset();
  capacity_ = begin_ = end_ = 0;
}

}  // namespace thalweg::server
