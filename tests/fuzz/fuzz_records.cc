// A produced batch: the header, the records in all codecs, searches over them.
#include "kafka_protocol/records/batch_view.h"
#include "kafka_protocol/records/record_iterator.h"
#include "streamcore/base/check.h"
#include "tests/fuzz/fuzz_target.h"

namespace thalweg::fuzz {
namespace {

constexpr size_t kUncompressedBytesMax = 1 << 20;

void read_records(records::BatchView batch) {
  auto iterator = records::RecordIterator::open(batch, kUncompressedBytesMax);
  if (!iterator.has_value()) return;
  records::Record record;
  for (int32_t count = 0;; ++count) {
    const auto more = iterator->next(record);
    if (!more.has_value() || !*more) break;
    CHECK(count < batch.record_count());
    (void)records::headers_of(record);
  }
}

}  // namespace
}  // namespace thalweg::fuzz

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace thalweg;
  const auto batch = records::BatchView::parse(fuzz::view(data, size));
  if (!batch.has_value()) return 0;
  CHECK(batch->bytes().size() <= size);
  (void)batch->crc_matches();
  (void)batch->last_sequence();
  fuzz::read_records(*batch);
  records::UncompressedBudget budget;
  (void)records::find_offset_by_timestamp(*batch, batch->base_timestamp(), budget);
  (void)records::max_timestamp_record(*batch, budget);
  (void)records::null_key_indexes(*batch, 10, budget);
  return 0;
}
