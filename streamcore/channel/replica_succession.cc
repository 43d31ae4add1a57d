#include "streamcore/channel/replica_succession.h"

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

Task<Result<std::vector<uint64_t>>> replicas_of_log(metadata::MetadataStore& metadata,
                                                    ReplicaSuccession succession,
                                                    StorageClass storage_class) {
  std::vector<uint64_t> found;
  for (const auto& [id, row] : CO_TRY(co_await load_channel_rows(metadata))) {
    if (row.storage_class.value_or(storage_class) != storage_class) continue;
    const std::vector<uint64_t> replicas = succession.newest(row.incarnations);
    if (!found.empty() && found != replicas) {
      co_return base::fail(ErrorCode::kCorrupt,
                           channel_row_key(id) + ": not on the replicas of other channels");
    }
    found = replicas;
  }
  if (found.empty()) {
    co_return base::fail(ErrorCode::kNotFound, "there is no log of class " +
                                                   std::string(to_string(storage_class)) + " yet");
  }
  co_return found;
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
