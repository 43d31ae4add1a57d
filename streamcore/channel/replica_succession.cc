#include "streamcore/channel/replica_succession.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "streamcore/channel/channel_rows.h"
#include "streamcore/channel/lost_replica_row_format.h"
#include "streamcore/channel/row_keys.h"

namespace thalweg::channel {

using base::ErrorCode;
using base::Result;
using base::Task;

namespace {
constexpr size_t kPage = 1000;

Task<Result<std::vector<metadata::KeyValue>>> scan_all(metadata::MetadataStore& metadata,
                                                       std::string_view prefix) {
  std::vector<metadata::KeyValue> all;
  for (bool more = true; more;) {
    const std::string after = all.empty() ? "" : all.back().key;
    auto page = CO_TRY(co_await metadata.scan(std::string(prefix), after, kPage));
    more = page.size() == kPage;
    for (metadata::KeyValue& row : page) all.push_back(std::move(row));
  }
  co_return all;
}

}  // namespace

Task<Result<ReplicaSuccession>> ReplicaSuccession::load(metadata::MetadataStore& metadata) {
  ReplicaSuccession succession;
  for (const auto& [key, bytes] : CO_TRY(co_await scan_all(metadata, kLostReplicaRowPrefix))) {
    const LostReplicaRow row = CO_TRY(decode_lost_replica_row(bytes));
    succession.successors_.emplace(lost_replica_of_row_key(key), row.successor);
  }
  co_return succession;
}

uint64_t ReplicaSuccession::newest(uint64_t incarnation) const {
  auto next = successors_.find(incarnation);
  // No incarnation comes twice, so that the chain ends; a bound all the same.
  for (size_t i = 0; next != successors_.end() && i <= successors_.size(); ++i) {
    incarnation = next->second;
    next = successors_.find(incarnation);
  }
  return incarnation;
}

std::vector<uint64_t> ReplicaSuccession::newest(std::vector<uint64_t> incarnations) const {
  for (uint64_t& incarnation : incarnations) incarnation = newest(incarnation);
  return incarnations;
}

std::vector<uint64_t> ReplicaSuccession::lost() const {
  std::vector<uint64_t> all;
  for (const auto& [incarnation, successor] : successors_) all.push_back(incarnation);
  return all;
}

Task<Result<std::vector<std::vector<uint64_t>>>> replicas_of_logs(metadata::MetadataStore& metadata,
                                                                  ReplicaSuccession succession) {
  std::vector<std::vector<uint64_t>> logs;
  for (const auto& [id, row] : CO_TRY(co_await load_channel_rows(metadata))) {
    std::vector<uint64_t> replicas = succession.newest(row.incarnations);
    if (std::ranges::find(logs, replicas) == logs.end()) logs.push_back(std::move(replicas));
  }
  co_return logs;
}

Result<std::vector<uint64_t>> log_on_stores(const std::vector<std::vector<uint64_t>>& logs,
                                            const std::vector<uint64_t>& found, size_t lost) {
  std::optional<std::string> nearest;
  for (const std::vector<uint64_t>& log : logs) {
    if (log.size() != found.size()) continue;
    std::vector<size_t> wrong;
    for (size_t i = 0; i < log.size(); ++i) {
      if (i != lost && log[i] != found[i]) wrong.push_back(i);
    }
    if (wrong.empty()) return log;
    // One that is on some of them is meant.
    if (nearest || wrong.size() + 1 >= log.size()) continue;
    const size_t place = wrong.front();
    nearest =
        "replica " + std::to_string(place) +
        ", as it is named, is not the store that is known in its place: expected incarnation " +
        std::to_string(log[place]) + ", got " + std::to_string(found[place]);
  }
  return base::fail(ErrorCode::kNotFound, nearest.value_or("no log is on any of them"));
}

Task<base::Status> replace_replica(metadata::MetadataStore& metadata, uint64_t lost,
                                   uint64_t successor) {
  const std::string key = lost_replica_row_key(lost);
  metadata::Transaction transaction;
  transaction.require(key, std::nullopt)
      .set(key, encode_lost_replica_row({.successor = successor}));
  co_return co_await metadata.commit(std::move(transaction));
}

}  // namespace thalweg::channel
