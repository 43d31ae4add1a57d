// Batches for tests.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "kafka_protocol/records/batch_builder.h"
#include "streamcore/base/check.h"

namespace thalweg::records {

struct TestRecord {
  Timestamp timestamp = 0;
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
};

inline std::optional<ByteView> view_of(std::optional<std::string_view> s) {
  if (!s.has_value()) return std::nullopt;
  return base::as_bytes(*s);
}

inline std::vector<std::byte> batch_of(const std::vector<TestRecord>& records,
                                       BatchOptions options = {}) {
  BatchBuilder builder(options);
  for (const TestRecord& r : records) builder.add(r.timestamp, view_of(r.key), view_of(r.value));
  auto batch = std::move(builder).build();
  CHECK(batch.has_value());
  return *std::move(batch);
}

inline BatchView parsed(const std::vector<std::byte>& batch) {
  auto view = BatchView::parse(batch);
  CHECK(view.has_value());
  return *view;
}

}  // namespace thalweg::records
