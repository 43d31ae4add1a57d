// Decoding and encoding of whole messages. The templates are instantiated once per message in
// messages/*.cc, so that a handler that includes a message's header compiles none of it.
//
// Pure: no I/O, no clock, nothing thrown. A decoded message with string_view or ByteView fields
// borrows from the frame.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "kafka_protocol/wire/primitives.h"
#include "kafka_protocol/wire/version_range.h"
#include "streamcore/base/result.h"

namespace thalweg::wire {

// EncodedMessage: bytes of our own in one block, with record slices spliced in where they belong.
// Move-only; keeps the buffers of its slices alive until it is destroyed.
class EncodedMessage {
 public:
  // A slice to be sent before the own byte at index `before`.
  struct Splice {
    size_t before;
    base::Slice slice;
  };

  EncodedMessage() = default;
  EncodedMessage(std::unique_ptr<std::byte[]> own, size_t own_bytes, std::vector<Splice> splices);

  // The parts in order, none of them empty, for a scatter-gather write.
  template <class F>
  void for_each_part(F f) const {
    size_t sent = 0;
    for (const Splice& splice : splices_) {
      if (splice.before > sent) f(ByteView(own_.get() + sent, splice.before - sent));
      sent = splice.before;
      if (!splice.slice.bytes.empty()) f(splice.slice.bytes);
    }
    if (own_bytes_ > sent) f(ByteView(own_.get() + sent, own_bytes_ - sent));
  }
  std::vector<ByteView> parts() const;
  // All of it in one block, copied: for tests and tools.
  Bytes flatten() const;
  size_t size_bytes() const { return size_bytes_; }

 private:
  std::unique_ptr<std::byte[]> own_;
  size_t own_bytes_ = 0;
  size_t size_bytes_ = 0;
  std::vector<Splice> splices_;
};

// The body of a message (what follows the header). kUnsupported if the version is not in
// T::api.valid, kCorrupt with the place and the reason if the bytes are not such a message. Unknown
// tags are skipped; bytes after the message are ignored, as Kafka does.
template <class T>
base::Result<T> decode(ByteView body, int16_t version);

// The body of a message. The version is in T::api.valid. A null where the version has none is
// written as empty, and a field the version lacks is dropped. Strings are cut at kStringBytesMax:
// only texts for people can be so long.
template <class T>
EncodedMessage encode(const T& message, int16_t version);

// The most an answer may hold besides records: librdkafka takes no larger one
// (receive.message.max.bytes).
inline constexpr size_t kResponseBytesMax = 100'000'000;

// A whole response frame: length, response header, body. One allocation, plus one when there are
// record slices, which move out of the response. kTooLarge above kResponseBytesMax, or when it is
// more than a frame can hold.
template <class T>
base::Result<EncodedMessage> encode_response(T response, int16_t version, int32_t correlation_id);

// A whole request frame: length, request header, body. What a client sends.
template <class T>
EncodedMessage encode_request(const T& request, int16_t version, int32_t correlation_id,
                              std::string_view client_id);

}  // namespace thalweg::wire
