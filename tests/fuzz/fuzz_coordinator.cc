// The records of the offsets topic: read back from our own log, but in Kafka's format, so anything
// goes.
#include "kafka_protocol/coordinator/offsets_records_format.h"
#include "streamcore/base/check.h"
#include "tests/fuzz/fuzz_target.h"

namespace thalweg::fuzz {
namespace {

// A value of an old version may say more than we keep; what we wrote once stays as it is.
template <class Value>
void decode_and_back(const base::Result<Value>& value,
                     base::Result<Value> (*decode)(base::ByteView)) {
  if (!value.has_value()) return;
  const auto encoded = coordinator::encode_value(*value);
  const auto again = decode(encoded);
  CHECK(again.has_value());
  CHECK(coordinator::encode_value(*again) == encoded);
}

}  // namespace
}  // namespace thalweg::fuzz

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace thalweg;
  auto bytes = fuzz::view(data, size);
  (void)coordinator::decode_key(bytes);
  fuzz::decode_and_back(coordinator::decode_offset_commit_value(bytes),
                        coordinator::decode_offset_commit_value);
  fuzz::decode_and_back(coordinator::decode_group_metadata_value(bytes),
                        coordinator::decode_group_metadata_value);
  return 0;
}
