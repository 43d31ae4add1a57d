// Frames and headers. A frame is an int32 length and that many bytes; a request starts with a
// header:
//
//   v1   api_key int16 | version int16 | correlation_id int32 |
//        client_id nullable string (int16 length)
//   v2   the same, then tags: from the API's first flexible version on. client_id keeps its
//        old-style length.
//
// A response starts with correlation_id (v0), then tags (v1, flexible versions); ApiVersions
// answers always have v0, so that a client can read an answer to a version the broker does not
// know.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "kafka_protocol/wire/primitives.h"
#include "kafka_protocol/wire/version_range.h"
#include "streamcore/base/result.h"

namespace thalweg::wire {

inline constexpr size_t kLengthBytes = 4;
inline constexpr size_t kFrameBytesMax = INT32_MAX;
inline constexpr int16_t kApiVersionsKey = 18;

// The length a frame announces, from its first kLengthBytes bytes. kCorrupt if it is negative or
// too short to hold a header, kTooLarge if it is beyond `bytes_max` (socket.request.max.bytes): the
// connection is closed for each.
base::Result<size_t> decode_frame_length(ByteView first_bytes, size_t bytes_max);

// The part of a request header that has the same form in every version.
struct RequestPeek {
  int16_t api_key = 0;
  int16_t version = 0;
  int32_t correlation_id = 0;
};
// From a frame without its length. Enough to find the API, or to refuse it.
base::Result<RequestPeek> peek_request(ByteView frame);

// Borrows from the frame.
struct RequestHeader {
  int16_t api_key = 0;
  int16_t version = 0;
  int32_t correlation_id = 0;
  std::optional<std::string_view> client_id;
  ByteView body;  // what follows the header; of the message type that (api_key, version) names
};
// From a frame without its length; `flexible` says whether the API's version has tags in the header
// (v2).
base::Result<RequestHeader> decode_request_header(ByteView frame, bool flexible);

// What is left of a request after its header's tags: for one whose client_id was already read.
base::Result<ByteView> skip_header_tags(ByteView rest);

// Borrows from the frame.
struct ResponseHeader {
  int32_t correlation_id = 0;
  ByteView body;
};
// For clients: from a frame without its length.
base::Result<ResponseHeader> decode_response_header(ByteView frame, const Api& api,
                                                    int16_t version);

// Whether the answer to (api, version) has response header v1.
constexpr bool response_header_has_tags(const Api& api, int16_t version) {
  return api.key != kApiVersionsKey && api.flexible.contains(version);
}

}  // namespace thalweg::wire
