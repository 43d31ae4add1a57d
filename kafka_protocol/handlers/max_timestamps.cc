#include "kafka_protocol/handlers/max_timestamps.h"

#include "kafka_protocol/records/record_iterator.h"

namespace thalweg::handlers {

using wire::ProduceRequest;

namespace {

// As far as its header tells.
bool max_timestamp_is_wrong(const std::optional<wire::RecordsView>& records) {
  if (!records.has_value() || records->size() < records::kBatchHeaderBytes) return false;
  const auto at = [&](size_t field) {
    return records::load_big_endian<int64_t>(records->data() + field);
  };
  if (at(records::kMaxTimestampAt) >= at(records::kBaseTimestampAt)) return false;
  return records::BatchView::parse(*records).has_value();
}

}  // namespace

bool has_wrong_timestamps(const ProduceRequest& request) {
  for (const ProduceRequest::Topic& topic : request.topic_data) {
    for (const auto& partition : topic.partition_data) {
      if (max_timestamp_is_wrong(partition.records)) return true;
    }
  }
  return false;
}

base::Task<void> correct_timestamps(base::Executor& executor, ProduceRequest& request,
                                    std::list<wire::Bytes>& copies) {
  records::UncompressedBudget budget;
  for (ProduceRequest::Topic& topic : request.topic_data) {
    for (auto& partition : topic.partition_data) {
      if (!max_timestamp_is_wrong(partition.records)) continue;
      const records::BatchView batch = *records::BatchView::parse(*partition.records);
      const auto latest = records::max_timestamp_record(batch, budget);
      const bool found = latest.has_value() && latest->has_value();
      wire::Bytes& copy = copies.emplace_back(partition.records->begin(), partition.records->end());
      records::stamp_max_timestamp(copy, found ? (*latest)->timestamp : batch.base_timestamp());
      partition.records = wire::RecordsView(copy);
      co_await base::yield(executor);
    }
  }
}

}  // namespace thalweg::handlers
