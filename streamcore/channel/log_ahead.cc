#include "streamcore/channel/log_ahead.h"

#include <algorithm>
#include <utility>

#include "streamcore/channel/channel_rows.h"

namespace thalweg::channel {

namespace {
constexpr uint64_t kReadsAtOnce = 64;
}  // namespace

LogAhead::LogAhead(base::Executor& executor, metadata::MetadataStore& metadata, LogPlaces& logs,
                   std::vector<StorageClass> classes, size_t bytes_max)
    : executor_(executor),
      metadata_(metadata),
      logs_(logs),
      classes_(std::move(classes)),
      bytes_max_(bytes_max),
      opened_(executor),
      reads_(executor, kReadsAtOnce),
      tasks_(executor) {}

base::Task<void> LogAhead::stop() {
  tasks_.request_stop();
  co_await opened_.wait();
}

base::Task<void> LogAhead::read_all() {
  const auto rows = co_await load_channel_rows(metadata_);
  std::vector<Replicas> logs;
  for (size_t i = 0; rows && i < rows->size() && !tasks_.stopping(); ++i) {
    logs.push_back(co_await open_log((*rows)[i].second));
  }
  opened_.set();
  for (size_t i = 0; i < logs.size(); ++i) {
    const auto& [id, row] = (*rows)[i];
    for (const UndrainedEpoch& epoch : row.undrained) {
      if (!logs[i].empty()) co_await read_epoch(id, epoch, logs[i].front());
    }
  }
}

base::Task<LogAhead::Replicas> LogAhead::open_log(const ChannelRow& row) {
  const StorageClass storage_class = row.storage_class.value_or(logs_.classes().front());
  if (std::ranges::find(classes_, storage_class) == classes_.end()) co_return Replicas();
  auto replicas = co_await logs_.open(storage_class, false);
  if (!replicas) co_return Replicas();
  std::erase_if(*replicas, [&](chunk::ChunkReplica* replica) {
    return std::ranges::find(row.incarnations, replica->incarnation()) == row.incarnations.end();
  });
  co_return *replicas;
}

base::Task<void> LogAhead::read_epoch(ChannelId id, UndrainedEpoch epoch,
                                      chunk::ChunkReplica* replica) {
  if (tasks_.stopping()) co_return;
  const auto keys = co_await replica->list(id, epoch.epoch);
  if (!keys) co_return;
  base::TaskGroup reads(executor_);
  for (const chunk::ChunkKey& key : *keys) {
    if (key.adopted || key.seq < epoch.g || key.seq >= epoch.end) continue;
    (void)co_await reads_.acquire(1);
    if (tasks_.stopping()) {
      reads_.release(1);
      break;
    }
    reads.spawn(read_one(replica, key));
  }
  co_await reads.stop_and_join();
}

base::Task<void> LogAhead::read_one(chunk::ChunkReplica* replica, chunk::ChunkKey key) {
  const uint64_t incarnation = replica->incarnation();
  auto index = co_await replica->read_index(key);
  reads_.release(1);
  if (!index || tasks_.stopping() || replica->incarnation() != incarnation) co_return;
  bytes_ += sizeof(Read) + index->size() * sizeof(chunk::IndexedEntry);
  if (bytes_ > bytes_max_) co_return tasks_.request_stop();
  read_.insert_or_assign(key, Read{incarnation, std::move(*index)});
}

std::optional<LogAhead::Index> LogAhead::take(const chunk::ChunkKey& key,
                                              const std::vector<uint64_t>& incarnations) {
  const auto found = read_.find(key);
  if (found == read_.end()) return std::nullopt;
  Read read = std::move(found->second);
  read_.erase(found);
  const bool known = std::ranges::find(incarnations, read.incarnation) != incarnations.end();
  if (!known) return std::nullopt;
  return std::move(read.index);
}

}  // namespace thalweg::channel
