#include "tests/sim/plants.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/planted_files.h"
#include "tests/sim/planted_metadata.h"
#include "tests/sim/planted_objects.h"
#include "tests/sim/planted_replica.h"
#include "tests/sim/planted_store.h"
#include "tests/sim/workload_rules.h"

namespace thalweg::sim {

namespace {

using base::ByteView;

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
      {"sync-ignored", Plant::kSyncIgnored},
      {"sync-retried", Plant::kSyncRetried},
      {"bad-crc-is-end", Plant::kBadCrcIsEnd},
      {"adopt-nothing", Plant::kAdoptNothing},
      {"freed-early", Plant::kFreedEarly},
      {"ack-out-of-order", Plant::kAckOutOfOrder},
      {"epoch-forgotten", Plant::kEpochForgotten},
      {"annotation-ahead", Plant::kAnnotationAhead},
      {"segment-later", Plant::kSegmentLater},
      {"reference-missed", Plant::kReferenceMissed},
      {"refusal-early", Plant::kRefusalEarly},
      {"tail-undurable", Plant::kTailUndurable},
      {"tail-in-entry", Plant::kTailInEntry},
      {"unknown-is-acked", Plant::kUnknownIsAcked},
      {"waiter-forgotten", Plant::kWaiterForgotten},
      {"trim-later", Plant::kTrimLater},
      {"quorum-of-one", Plant::kQuorumOfOne},
      {"emptied-votes", Plant::kEmptiedVotes},
      {"unconditional-put", Plant::kUnconditionalPut},
      {"recovery-of-one", Plant::kRecoveryOfOne},
      {"crc-made-anew", Plant::kCrcMadeAnew},
      {"taker-does-not-wait", Plant::kTakerDoesNotWait},
      {"pause-not-counted", Plant::kPauseNotCounted},
      {"read-unproven", Plant::kReadUnproven},
      {"rows-unowned", Plant::kRowsUnowned},
      {"unknown-is-done", Plant::kUnknownIsDone},
      {"unknown-is-failed", Plant::kUnknownIsFailed},
      {"exists-is-failed", Plant::kExistsIsFailed},
      {"end-by-oneself", Plant::kEndByOneself},
      {"seal-is-mine", Plant::kSealIsMine},
      {"seal-not-written", Plant::kSealNotWritten},
      {"seals-collected", Plant::kSealsCollected},
      {"boundary-ignored", Plant::kBoundaryIgnored},
      {"ack-unleased", Plant::kAckUnleased},
      {"slot-not-compared", Plant::kSlotNotCompared},
      {"position-not-compared", Plant::kPositionNotCompared},
      {"chunk-not-compared", Plant::kChunkNotCompared}};
  const auto at = names.find(name);
  if (at == names.end()) return std::nullopt;
  return at->second;
}

Planted::Planted(Plant plant, base::Executor& executor)
    : plant_(plant), frames_(std::make_unique<base::TaskGroup>(executor)) {}
Planted::~Planted() = default;

base::FileSystem& Planted::wrap(base::FileSystem& files) {
  files_ = planted_files(plant_, files, *frames_);
  return files_ == nullptr ? files : *files_;
}

object_store::ObjectStore& Planted::wrap(object_store::ObjectStore& objects) {
  objects_ = planted_objects(plant_, objects, *frames_);
  return objects_ == nullptr ? objects : *objects_;
}

chunk::ChunkReplica& Planted::wrap(chunk::ChunkReplica& replica, size_t zone) {
  auto planted = planted_replica(plant_, replica, zone, *frames_);
  if (planted == nullptr) return replica;
  return *replicas_.emplace_back(std::move(planted));
}

metadata::MetadataStore& Planted::wrap(metadata::MetadataStore& metadata) {
  metadata_ = planted_metadata(plant_, metadata);
  return metadata_ == nullptr ? metadata : *metadata_;
}

metadata::MetadataStore& Planted::wrap_for_lease(metadata::MetadataStore& metadata) {
  lease_metadata_ = planted_lease_metadata(plant_, metadata);
  return lease_metadata_ == nullptr ? metadata : *lease_metadata_;
}

const EntryRules& Planted::wrap(const EntryRules& rules) {
  if (plant_ != Plant::kAnnotationAhead) return rules;
  rules_ = std::make_unique<LiveRules>();
  return *rules_;
}

metadata::Lease* Planted::lease_of_store(metadata::Lease* lease) const {
  return plant_ == Plant::kAckUnleased ? nullptr : lease;
}

StreamStore& Planted::wrap(StreamStore& store, metadata::Lease* lease) {
  store_ = planted_store(plant_, store, lease, *frames_);
  return store_ == nullptr ? store : *store_;
}

void Planted::drop_frames() {
  frames_.reset();
  store_.reset();
}

}  // namespace thalweg::sim
