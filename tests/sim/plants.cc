#include "tests/sim/plants.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "streamcore/channel/channel_row_format.h"
#include "streamcore/metadata/lease_row_format.h"
#include "tests/sim/workload_rules.h"

namespace thalweg::sim {

namespace {

using base::ByteView;
using base::Result;
using base::Status;
using base::Task;
using chunk::ChunkKey;
using chunk::PutOutcome;

// A log file whose writes are answered before they are synced: never (no `frames`), or a little
// later.
class UnsyncedFile final : public base::File {
 public:
  UnsyncedFile(std::unique_ptr<base::File> file, base::TaskGroup* frames)
      : file_(std::move(file)), frames_(frames) {}
  Task<Result<size_t>> read_at(base::MutableByteView into, uint64_t offset) override {
    return file_->read_at(into, offset);
  }
  Task<Status> write_at(base::Parts parts, uint64_t offset, bool sync) override {
    CO_TRY(co_await file_->write_at(std::move(parts), offset, false));
    if (sync && frames_ != nullptr) frames_->spawn(sync_later(file_));
    co_return Status();
  }
  Task<Status> sync() override {
    if (frames_ != nullptr) co_return co_await file_->sync();
    co_return Status();
  }
  Task<Status> allocate(uint64_t size) override { return file_->allocate(size); }
  Task<Status> truncate(uint64_t size) override { return file_->truncate(size); }
  Result<uint64_t> size() override { return file_->size(); }

 private:
  static Task<void> sync_later(std::shared_ptr<base::File> file) { (void)co_await file->sync(); }

  std::shared_ptr<base::File> file_;  // shared with the syncs under way
  base::TaskGroup* frames_;
};

class UnsyncedLog final : public base::FileSystem {
 public:
  UnsyncedLog(base::FileSystem& files, base::TaskGroup* frames) : files_(files), frames_(frames) {}
  Task<Result<std::unique_ptr<base::File>>> open(std::string path,
                                                 base::OpenOptions options) override {
    const bool is_log = path.ends_with(".log");
    auto file = CO_TRY(co_await files_.open(std::move(path), options));
    if (is_log) file = std::make_unique<UnsyncedFile>(std::move(file), frames_);
    co_return std::move(file);
  }
  Task<Status> link(std::string from, std::string to) override {
    return files_.link(std::move(from), std::move(to));
  }
  Task<Status> rename(std::string from, std::string to) override {
    return files_.rename(std::move(from), std::move(to));
  }
  Task<Status> remove(std::string path) override { return files_.remove(std::move(path)); }
  Task<Result<std::vector<std::string>>> list(std::string directory) override {
    return files_.list(std::move(directory));
  }
  Task<Result<std::vector<base::DirectoryEntry>>> scan(std::string directory) override {
    return files_.scan(std::move(directory));
  }
  Task<Status> make_directories(std::string path) override {
    return files_.make_directories(std::move(path));
  }
  Task<Status> sync_directory(std::string path) override {
    return files_.sync_directory(std::move(path));
  }
  Result<std::unique_ptr<base::FileLock>> lock(std::string path) override {
    return files_.lock(std::move(path));
  }
  Result<uint64_t> free_bytes() override { return files_.free_bytes(); }

 private:
  base::FileSystem& files_;
  base::TaskGroup* frames_;
};

// Hands everything on.
class OtherReplica : public chunk::ChunkReplica {
 public:
  explicit OtherReplica(ChunkReplica& inner) : inner_(inner) {}
  Task<Result<PutOutcome>> put_if_absent(ChunkKey key, base::Slice chunk) override {
    return inner_.put_if_absent(key, std::move(chunk));
  }
  Task<Result<chunk::ChunkHeader>> head(ChunkKey key) override { return inner_.head(key); }
  Task<Result<base::Slice>> read(ChunkKey key) override { return inner_.read(key); }
  Task<Result<base::Slice>> read_range(ChunkKey key, uint64_t position, uint64_t length) override {
    return inner_.read_range(key, position, length);
  }
  Task<Result<std::vector<chunk::IndexedEntry>>> read_index(ChunkKey key) override {
    return inner_.read_index(key);
  }
  Task<Result<PutOutcome>> seal(ChunkKey key, uint64_t sealer_nonce) override {
    return inner_.seal(key, sealer_nonce);
  }
  Task<Result<std::vector<ChunkKey>>> list(ChannelId channel, ChannelEpoch epoch) override {
    return inner_.list(channel, epoch);
  }
  Task<Status> make_durable() override { return inner_.make_durable(); }
  Task<Status> remove_below(ChannelId channel, ChannelEpoch epoch, ChunkSeq free_below) override {
    return inner_.remove_below(channel, epoch, free_below);
  }
  uint64_t ready_bytes(ChannelId channel, uint64_t longest) override {
    return inner_.ready_bytes(channel, longest);
  }
  Task<Status> make_ready(ChannelId channel, uint64_t bytes) override {
    return inner_.make_ready(channel, bytes);
  }
  uint64_t incarnation() const override { return inner_.incarnation(); }
  void bind(uint64_t incarnation) override { inner_.bind(incarnation); }
  Task<Status> check_incarnation() override { return inner_.check_incarnation(); }

 protected:
  ChunkReplica& inner_;
};

// Says it holds a chunk that is only on its way.
class EagerReplica final : public OtherReplica {
 public:
  EagerReplica(ChunkReplica& inner, base::TaskGroup& frames)
      : OtherReplica(inner), frames_(frames) {}
  Task<Result<PutOutcome>> put_if_absent(ChunkKey key, base::Slice chunk) override {
    frames_.spawn(put_later(inner_, key, std::move(chunk)));
    co_return PutOutcome::kCreated;
  }

 private:
  static Task<void> put_later(ChunkReplica& inner, ChunkKey key, base::Slice chunk) {
    (void)co_await inner.put_if_absent(key, std::move(chunk));
  }

  base::TaskGroup& frames_;
};

class CutReplica final : public OtherReplica {
 public:
  using OtherReplica::OtherReplica;
  Task<Result<std::vector<ChunkKey>>> list(ChannelId channel, ChannelEpoch epoch) override {
    const std::vector<ChunkKey> keys = CO_TRY(co_await inner_.list(channel, epoch));
    std::vector<ChunkKey> kept;
    for (const ChunkKey& key : keys) {
      const auto bytes = co_await inner_.read(key);
      const bool good = bytes.has_value() && chunk::ChunkView::open(*bytes).has_value();
      const bool next = kept.empty() || key.seq <= kept.back().seq + 1;
      if (!good || !next) {
        cuts_[epoch] = kept.empty() ? key.seq : kept.back().seq + 1;
        break;
      }
      kept.push_back(key);
    }
    co_return kept;
  }
  Task<Result<PutOutcome>> seal(ChunkKey key, uint64_t sealer_nonce) override {
    if (cut(key)) co_return PutOutcome::kCreated;
    co_return co_await inner_.seal(key, sealer_nonce);
  }

 private:
  bool cut(const ChunkKey& key) const {
    const auto at = cuts_.find(key.epoch);
    return at != cuts_.end() && key.seq >= at->second;
  }
  std::map<ChannelEpoch, ChunkSeq> cuts_;
};

// Shows a row as something else, and lets conditions on what it showed hold.
class LyingMetadata : public metadata::MetadataStore {
 public:
  explicit LyingMetadata(MetadataStore& inner) : inner_(inner) {}
  Task<Result<std::optional<std::string>>> get(std::string key) final {
    auto value = CO_TRY(co_await inner_.get(key));
    if (!value.has_value()) co_return value;
    std::string lie = CO_TRY(lie_about(key, *value));
    if (lie != *value) {
      real_ = *std::exchange(value, lie);
      shown_ = std::move(lie);
    }
    co_return value;
  }
  Task<Result<std::vector<metadata::KeyValue>>> scan(std::string prefix, std::string start_after,
                                                     size_t limit) override {
    return inner_.scan(std::move(prefix), std::move(start_after), limit);
  }
  Task<Status> commit(metadata::Transaction transaction) final {
    for (metadata::Condition& condition : transaction.conditions) {
      if (!shown_.empty() && condition.value == shown_) condition.value = real_;
    }
    return inner_.commit(std::move(transaction));
  }

 private:
  // The row itself where the truth is told.
  virtual Result<std::string> lie_about(std::string_view key, const std::string& row) const = 0;

  MetadataStore& inner_;
  std::string real_;
  std::string shown_;
};

// The channel's row without its oldest epoch.
class ForgetfulMetadata final : public LyingMetadata {
  using LyingMetadata::LyingMetadata;
  Result<std::string> lie_about(std::string_view key, const std::string& row) const override {
    if (!key.starts_with("channel/")) return row;
    auto channel = TRY(channel::decode_channel_row(row));
    if (channel.undrained.size() < 2) return row;
    channel.undrained.erase(channel.undrained.begin());
    return channel::encode_channel_row(channel);
  }
};

// A lease whose holder does not trust it for any time at all.
class ImpatientMetadata final : public LyingMetadata {
  using LyingMetadata::LyingMetadata;
  Result<std::string> lie_about(std::string_view key, const std::string& row) const override {
    if (key != metadata::kLeaseKey) return row;
    auto lease = TRY(metadata::decode_lease_row(row));
    lease.length_ms = 0;
    return metadata::encode_lease_row(lease);
  }
};

// Folds a payload into its stream's live state when it is stamped, and answers that state.
class LiveRules final : public WorkloadRules {
 public:
  void stamp(std::byte* payload, Offset base, LeaderEpoch epoch) const override {
    WorkloadRules::stamp(payload, base, epoch);
    const ByteView bytes(payload, kPayloadHeaderBytes);
    live_[stream_of_payload(bytes)].push_back(operation_of(bytes));
  }
  std::string fold(ByteView previous, std::span<const DigestedEntry> entries) const override {
    const std::string exact = WorkloadRules::fold(previous, entries);
    const Annotation annotation = parse_annotation(base::as_bytes(exact));
    const auto at = live_.find(entries.front().header.stream.value);
    const uint64_t last = annotation.operations.back();
    if (at == live_.end() || std::ranges::find(at->second, last) == at->second.end()) return exact;
    if (at->second.back() == last) return exact;
    std::string ahead = exact.substr(0, exact.size() - 8);
    ahead.append(reinterpret_cast<const char*>(&at->second.back()), 8);
    return ahead.append(exact, exact.size() - 8, 8);
  }

 private:
  mutable std::map<uint64_t, std::vector<uint64_t>> live_;  // operations by stream
};

}  // namespace

std::optional<Plant> plant_named(std::string_view name) {
  static const std::map<std::string_view, Plant> names = {
      {"none", Plant::kNone},
      {"no-fsync", Plant::kNoFsync},
      {"ack-before-fsync", Plant::kAckBeforeFsync},
      {"bad-crc-is-end", Plant::kBadCrcIsEnd},
      {"epoch-forgotten", Plant::kEpochForgotten},
      {"annotation-ahead", Plant::kAnnotationAhead},
      {"refusal-early", Plant::kRefusalEarly},
      {"quorum-of-one", Plant::kQuorumOfOne},
      {"emptied-votes", Plant::kEmptiedVotes},
      {"unconditional-put", Plant::kUnconditionalPut},
      {"taker-does-not-wait", Plant::kTakerDoesNotWait},
      {"pause-not-counted", Plant::kPauseNotCounted},
      {"read-unproven", Plant::kReadUnproven}};
  const auto at = names.find(name);
  if (at == names.end()) return std::nullopt;
  return at->second;
}

Planted::Planted(Plant plant, base::Executor& executor)
    : plant_(plant), frames_(std::make_unique<base::TaskGroup>(executor)) {}
Planted::~Planted() = default;

base::FileSystem& Planted::wrap(base::FileSystem& files) {
  if (plant_ != Plant::kNoFsync && plant_ != Plant::kAckBeforeFsync) return files;
  base::TaskGroup* const frames = plant_ == Plant::kAckBeforeFsync ? frames_.get() : nullptr;
  files_ = std::make_unique<UnsyncedLog>(files, frames);
  return *files_;
}

chunk::ChunkReplica& Planted::wrap(chunk::ChunkReplica& replica) {
  if (plant_ != Plant::kBadCrcIsEnd) return replica;
  replica_ = std::make_unique<CutReplica>(replica);
  return *replica_;
}

chunk::ChunkReplica& Planted::wrap_zone(chunk::ChunkReplica& replica, size_t zone) {
  if (plant_ != Plant::kQuorumOfOne || zone != 1) return replica;
  replica_ = std::make_unique<EagerReplica>(replica, *frames_);
  return *replica_;
}

metadata::MetadataStore& Planted::wrap(metadata::MetadataStore& metadata) {
  if (plant_ != Plant::kEpochForgotten) return metadata;
  metadata_ = std::make_unique<ForgetfulMetadata>(metadata);
  return *metadata_;
}

metadata::MetadataStore& Planted::wrap_for_lease(metadata::MetadataStore& metadata) {
  if (plant_ != Plant::kTakerDoesNotWait) return metadata;
  metadata_ = std::make_unique<ImpatientMetadata>(metadata);
  return *metadata_;
}

const EntryRules& Planted::wrap(const EntryRules& rules) {
  if (plant_ != Plant::kAnnotationAhead) return rules;
  rules_ = std::make_unique<LiveRules>();
  return *rules_;
}

}  // namespace thalweg::sim
