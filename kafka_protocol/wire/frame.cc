#include "kafka_protocol/wire/frame.h"

#include <string>

#include "kafka_protocol/wire/decoder.h"

namespace thalweg::wire {

using base::ErrorCode;
using base::fail;

namespace {

constexpr int32_t kPeekBytes = 8;

RequestPeek read_peek(Decoder& in) {
  RequestPeek peek;
  peek.api_key = in.read_number<int16_t>();
  peek.version = in.read_number<int16_t>();
  peek.correlation_id = in.read_number<int32_t>();
  return peek;
}

}  // namespace

base::Result<size_t> decode_frame_length(ByteView first_bytes, size_t bytes_max) {
  Decoder in(first_bytes, 0, false);
  const auto length = in.read_number<int32_t>();
  if (!in.ok()) return fail(ErrorCode::kCorrupt, "frame length " + in.error());
  if (length < kPeekBytes) {
    return fail(ErrorCode::kCorrupt, "frame of " + std::to_string(length) + " bytes");
  }
  if (static_cast<size_t>(length) > bytes_max) {
    return fail(ErrorCode::kTooLarge, "frame of " + std::to_string(length) + " bytes, at most " +
                                          std::to_string(bytes_max) + " are allowed");
  }
  return static_cast<size_t>(length);
}

base::Result<RequestPeek> peek_request(ByteView frame) {
  Decoder in(frame, 0, false);
  const RequestPeek peek = read_peek(in);
  if (!in.ok()) return fail(ErrorCode::kCorrupt, "request header " + in.error());
  return peek;
}

base::Result<RequestHeader> decode_request_header(ByteView frame, bool flexible) {
  Decoder in(frame, 0, flexible);
  const RequestPeek peek = read_peek(in);
  RequestHeader header{peek.api_key, peek.version, peek.correlation_id, in.read_old_string(), {}};
  if (flexible) in.skip_tags();
  if (!in.ok()) return fail(ErrorCode::kCorrupt, "request header " + in.error());
  header.body = in.rest();
  return header;
}

base::Result<ByteView> skip_header_tags(ByteView rest) {
  Decoder in(rest, 0, true);
  in.skip_tags();
  if (!in.ok()) return fail(ErrorCode::kCorrupt, "request header " + in.error());
  return in.rest();
}

base::Result<ResponseHeader> decode_response_header(ByteView frame, const Api& api,
                                                    int16_t version) {
  Decoder in(frame, version, true);
  ResponseHeader header;
  header.correlation_id = in.read_number<int32_t>();
  if (response_header_has_tags(api, version)) in.skip_tags();
  if (!in.ok()) return fail(ErrorCode::kCorrupt, "response header " + in.error());
  header.body = in.rest();
  return header;
}

}  // namespace thalweg::wire
