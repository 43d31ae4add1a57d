// The bodies of codec.h's templates, and the macro that instantiates them for one API. Included by
// messages/*.cc only.
#pragma once

#include <string>
#include <utility>

#include "kafka_protocol/wire/codec.h"
#include "kafka_protocol/wire/decoder.h"
#include "kafka_protocol/wire/encoder.h"
#include "kafka_protocol/wire/frame.h"
#include "kafka_protocol/wire/type_name.h"

namespace thalweg::wire {

template <class T>
base::Result<T> decode(ByteView body, int16_t version) {
  const auto refuse = [&](base::ErrorCode code, const std::string& why) {
    return base::fail(code, type_name<T>() + " v" + std::to_string(version) + " " + why);
  };
  if (!T::api.valid.contains(version)) {
    return refuse(base::ErrorCode::kUnsupported, "is not a version we read");
  }
  Decoder decoder(body, version, T::api.flexible.contains(version));
  base::Result<T> message(std::in_place);
  decoder.read_struct(*message);
  if (!decoder.ok()) return refuse(base::ErrorCode::kCorrupt, decoder.error());
  return message;
}

// Runs `write` twice, to count and to fill; it gets the Encoder and the size of what follows the
// length field.
template <class T, class Write>
base::Result<EncodedMessage> encode_with(int16_t version, size_t length_bytes, size_t own_bytes_max,
                                         Write write) {
  CHECK_MSG(T::api.valid.contains(version), type_name<T>() + " v" + std::to_string(version));
  const bool flexible = T::api.flexible.contains(version);
  Encoder counter(version, flexible);
  write(counter, 0);
  const size_t total = counter.own_bytes() + counter.spliced_bytes();
  if (counter.own_bytes() > own_bytes_max || total > kFrameBytesMax) {
    return base::fail(base::ErrorCode::kTooLarge, type_name<T>() + " of " + std::to_string(total) +
                                                      " bytes is more than may be sent");
  }
  auto own = std::make_unique_for_overwrite<std::byte[]>(counter.own_bytes());
  std::vector<EncodedMessage::Splice> splices;
  splices.reserve(counter.splice_count());
  Encoder filler(version, flexible, own.get(), &splices);
  write(filler, static_cast<int32_t>(total - length_bytes));
  CHECK_EQ(filler.own_bytes(), counter.own_bytes());
  return EncodedMessage(std::move(own), counter.own_bytes(), std::move(splices));
}

template <class T>
EncodedMessage encode(const T& message, int16_t version) {
  auto encoded = encode_with<T>(version, 0, kFrameBytesMax,
                                [&](Encoder& out, int32_t) { out.write_struct(message); });
  CHECK(encoded.has_value());
  return std::move(*encoded);
}

template <class T>
base::Result<EncodedMessage> encode_response(T response, int16_t version, int32_t correlation_id) {
  const bool tags = response_header_has_tags(T::api, version);
  return encode_with<T>(version, kLengthBytes, kResponseBytesMax,
                        [&](Encoder& out, int32_t length) {
                          out.write_number(length);
                          out.write_number(correlation_id);
                          if (tags) out.write_varint(0);
                          out.give_slices();
                          out.write_struct(response);
                        });
}

template <class T>
EncodedMessage encode_request(const T& request, int16_t version, int32_t correlation_id,
                              std::string_view client_id) {
  auto encoded =
      encode_with<T>(version, kLengthBytes, kFrameBytesMax, [&](Encoder& out, int32_t length) {
        out.write_number(length);
        out.write_number(T::api.key);
        out.write_number(version);
        out.write_number(correlation_id);
        out.write_old_string(client_id);
        if (T::api.flexible.contains(version)) out.write_varint(0);
        out.write_struct(request);
      });
  CHECK(encoded.has_value());
  return std::move(*encoded);
}

}  // namespace thalweg::wire

#define THALWEG_WIRE_INSTANTIATE_(Message)                           \
  template base::Result<Message> decode<Message>(ByteView, int16_t); \
  template EncodedMessage encode<Message>(const Message&, int16_t);
#define THALWEG_WIRE_INSTANTIATE(Name)                                                           \
  THALWEG_WIRE_INSTANTIATE_(Name##Request)                                                       \
  THALWEG_WIRE_INSTANTIATE_(Name##Response)                                                      \
  template EncodedMessage encode_request<Name##Request>(const Name##Request&, int16_t, int32_t,  \
                                                        std::string_view);                       \
  template base::Result<EncodedMessage> encode_response<Name##Response>(Name##Response, int16_t, \
                                                                        int32_t);
