#include "kafka_protocol/wire/encoder.h"

namespace thalweg::wire {

EncodedMessage::EncodedMessage(std::unique_ptr<std::byte[]> own, size_t own_bytes,
                               std::vector<Splice> splices)
    : own_(std::move(own)),
      own_bytes_(own_bytes),
      size_bytes_(own_bytes),
      splices_(std::move(splices)) {
  for (const Splice& splice : splices_) size_bytes_ += splice.slice.bytes.size();
}

std::vector<ByteView> EncodedMessage::parts() const {
  std::vector<ByteView> parts;
  for_each_part([&](ByteView part) { parts.push_back(part); });
  return parts;
}

Bytes EncodedMessage::flatten() const {
  Bytes bytes;
  bytes.reserve(size_bytes_);
  for_each_part([&](ByteView part) { bytes.insert(bytes.end(), part.begin(), part.end()); });
  return bytes;
}

void Encoder::write_varint(uint32_t value) {
  std::byte bytes[5];
  size_t size = 0;
  for (; value >= 0x80; value >>= 7) bytes[size++] = static_cast<std::byte>(value | 0x80);
  bytes[size++] = static_cast<std::byte>(value);
  put(bytes, size);
}

void Encoder::write_old_string(std::string_view text) {
  text = text.substr(0, kStringBytesMax);
  write_number(static_cast<int16_t>(text.size()));
  put(text.data(), text.size());
}

void Encoder::splice(const Records& records) {
  for (const base::Slice& slice : records.slices()) {
    if (slice.bytes.empty()) continue;
    ++splice_count_;
    spliced_bytes_ += slice.bytes.size();
    if (splices_ == nullptr) continue;
    if (gives_slices_) {
      splices_->push_back({own_bytes_, std::move(const_cast<base::Slice&>(slice))});
    } else {
      splices_->push_back({own_bytes_, slice});
    }
  }
}

}  // namespace thalweg::wire
