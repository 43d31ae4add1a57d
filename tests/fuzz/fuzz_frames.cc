// What comes first on a connection, from anybody: lengths and headers.
#include "kafka_protocol/wire/frame.h"
#include "streamcore/base/check.h"
#include "tests/fuzz/fuzz_target.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace thalweg;
  auto bytes = fuzz::view(data, size);
  if (bytes.size() < wire::kLengthBytes) return 0;
  constexpr size_t kBytesMax = 1 << 20;
  const auto length = wire::decode_frame_length(bytes.first(wire::kLengthBytes), kBytesMax);
  if (length.has_value()) CHECK(*length <= kBytesMax);
  const auto frame = bytes.subspan(wire::kLengthBytes);
  const auto peek = wire::peek_request(frame);
  for (const bool flexible : {false, true}) {
    const auto header = wire::decode_request_header(frame, flexible);
    if (!header.has_value()) continue;
    CHECK(peek.has_value());
    CHECK(header->correlation_id == peek->correlation_id);
    CHECK(header->body.size() <= frame.size());
  }
  (void)wire::skip_header_tags(frame);
  return 0;
}
