#include "kafka_protocol/topics/topic_row_format.h"

#include "streamcore/base/byte_codec.h"

namespace thalweg::topics {

namespace {
constexpr uint8_t kVersion = 1;
}

std::string encode_topic_row(const TopicRow& row) {
  base::ByteWriter out;
  out.put(kVersion).put(row.id.high).put(row.id.low);
  out.put(static_cast<uint32_t>(row.runs.size()));
  for (const StreamRun& run : row.runs) out.put(run.partitions).put(run.first_stream.value);
  out.put(static_cast<uint32_t>(row.configs.size()));
  for (const auto& [name, value] : row.configs) out.put_bytes(name).put_bytes(value);
  return std::move(out).seal();
}

base::Result<TopicRow> decode_topic_row(std::string_view bytes) {
  base::ByteReader in(TRY(base::open_sealed(bytes, "topic row")));
  const auto version = in.get<uint8_t>();
  if (version != kVersion) {
    return base::fail(base::ErrorCode::kUnsupported,
                      "topic row: version " + std::to_string(version));
  }
  TopicRow row;
  row.id.high = in.get<uint64_t>();
  row.id.low = in.get<uint64_t>();
  const uint32_t runs = in.get_count(12);
  row.runs.reserve(runs);
  for (uint32_t i = 0; i < runs; ++i) {
    const auto partitions = in.get<uint32_t>();
    row.runs.push_back({partitions, StreamId(in.get<uint64_t>())});
  }
  const uint32_t configs = in.get_count(8);
  row.configs.reserve(configs);
  for (uint32_t i = 0; i < configs; ++i) {
    std::string name(in.get_bytes());
    row.configs.emplace_back(std::move(name), std::string(in.get_bytes()));
  }
  if (!in.at_end()) return base::fail(base::ErrorCode::kCorrupt, "topic row: wrong length");
  return row;
}

}  // namespace thalweg::topics
