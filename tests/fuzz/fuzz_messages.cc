// Every request and response in every version: bytes that decode must encode, and decode to the
// same.
#include "kafka_protocol/wire/codec.h"
#include "kafka_protocol/wire/messages/all.h"
#include "streamcore/base/check.h"
#include "tests/fuzz/fuzz_target.h"

namespace thalweg::fuzz {
namespace {

template <class Message>
void decode_and_back(base::ByteView bytes, uint64_t chosen) {
  const auto versions = Message::api.valid;
  const auto version =
      static_cast<int16_t>(versions.first + chosen % (versions.last - versions.first + 1));
  const auto message = wire::decode<Message>(bytes, version);
  if (!message.has_value()) return;
  const auto encoded = wire::encode(*message, version).flatten();
  const auto again = wire::decode<Message>(encoded, version);
  CHECK(again.has_value());
  CHECK(wire::encode(*again, version).flatten() == encoded);
}

using Check = void (*)(base::ByteView, uint64_t);
#define BOTH(Name) &decode_and_back<wire::Name##Request>, &decode_and_back<wire::Name##Response>,
constexpr Check kChecks[] = {THALWEG_WIRE_APIS(BOTH)};

}  // namespace
}  // namespace thalweg::fuzz

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto bytes = thalweg::fuzz::view(data, size);
  const uint64_t check = thalweg::fuzz::take(bytes, 1) % std::size(thalweg::fuzz::kChecks);
  const uint64_t version = thalweg::fuzz::take(bytes, 1);
  thalweg::fuzz::kChecks[check](bytes, version);
  return 0;
}
