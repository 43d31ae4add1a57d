#include "tests/sim/planted_replica.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "streamcore/base/crc32c.h"

namespace thalweg::sim {

namespace {

using base::Result;
using base::Status;
using base::Task;
using chunk::ChunkKey;
using chunk::PutOutcome;

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

// Takes the first damaged or missing chunk for the end of the log.
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

// Takes a chunk for written once a later one is.
class DisorderlyReplica final : public OtherReplica {
 public:
  static constexpr base::Duration kLook = std::chrono::microseconds(100);

  DisorderlyReplica(ChunkReplica& inner, base::TaskGroup& frames)
      : OtherReplica(inner), frames_(frames) {}
  Task<Result<PutOutcome>> put_if_absent(ChunkKey key, base::Slice chunk) override {
    frames_.spawn(put(key, std::move(chunk)));
    while (!answers_.contains(key) && !(written_ > key)) co_await frames_.sleep_for(kLook);
    const auto answer = answers_.extract(key);
    co_return answer ? answer.mapped() : PutOutcome::kCreated;
  }

 private:
  Task<void> put(ChunkKey key, base::Slice chunk) {
    auto answer = co_await inner_.put_if_absent(key, std::move(chunk));
    if (answer == PutOutcome::kCreated) written_ = std::max(written_, key);
    answers_.insert_or_assign(key, std::move(answer));
  }

  base::TaskGroup& frames_;
  std::map<ChunkKey, Result<PutOutcome>> answers_;
  ChunkKey written_{};  // the last one
};

// Looks where it should put a SEAL, and puts none.
class LookingReplica final : public OtherReplica {
 public:
  using OtherReplica::OtherReplica;
  Task<Result<PutOutcome>> seal(ChunkKey key, uint64_t) override {
    const auto found = co_await inner_.head(key);
    if (found) co_return PutOutcome::kExists;
    if (found.error().code != base::ErrorCode::kNotFound) co_return std::unexpected(found.error());
    co_return PutOutcome::kCreated;
  }
};

// Sums what it read instead of comparing it with its sum.
class LaunderingReplica final : public OtherReplica {
 public:
  using OtherReplica::OtherReplica;
  Task<Result<base::Slice>> read(ChunkKey key) override {
    const base::Slice chunk = CO_TRY(co_await inner_.read(key));
    co_return chunk::ChunkView::open(chunk) ? chunk : summed(chunk);
  }

 private:
  static base::Slice summed(const base::Slice& chunk) {
    const auto found = chunk::decode_header(chunk.bytes);
    if (!found || found->total_length != chunk.bytes.size()) return chunk;
    chunk::ChunkHeader header = *found;
    const base::Buffer copy = base::Buffer::copy_of(chunk.bytes);
    std::byte* const data = copy.data();
    const base::ByteView bytes(data, chunk.bytes.size());
    const uint64_t index = header.index_position;
    const auto entries = chunk::decode_index(header, bytes.subspan(index, header.index_length()));
    for (size_t i = 0; entries && i < entries->size(); ++i) {
      const uint64_t begin = (*entries)[i].position;
      const uint64_t end = i + 1 < entries->size() ? (*entries)[i + 1].position : index;
      const uint32_t crc = base::crc32c(bytes.subspan(begin, end - begin));
      std::memcpy(data + index + i * chunk::kIndexEntryBytes + 4, &crc, sizeof crc);
    }
    header.index_crc = base::crc32c(bytes.subspan(index, header.index_length()));
    header.body_crc = base::crc32c(bytes.subspan(chunk::kChunkHeaderBytes));
    chunk::encode_header(header, data);
    return {copy, bytes};
  }
};

// What it finds where it puts a SEAL it does not see.
class BlindReplica final : public OtherReplica {
 public:
  using OtherReplica::OtherReplica;
  Task<Result<PutOutcome>> seal(ChunkKey key, uint64_t sealer_nonce) override {
    CO_TRY(co_await inner_.seal(key, sealer_nonce));
    co_return PutOutcome::kCreated;
  }
};

// Takes whatever is in a register for the chunk that was to be put there.
class TrustingReplica final : public OtherReplica {
 public:
  using OtherReplica::OtherReplica;
  Task<Result<PutOutcome>> put_if_absent(ChunkKey key, base::Slice chunk) override {
    CO_TRY(co_await inner_.put_if_absent(key, std::move(chunk)));
    co_return PutOutcome::kCreated;
  }
};

// Frees one chunk more than it was told to.
class HastyReplica final : public OtherReplica {
 public:
  using OtherReplica::OtherReplica;
  Task<Status> remove_below(ChannelId channel, ChannelEpoch epoch, ChunkSeq free_below) override {
    return inner_.remove_below(channel, epoch, free_below + 1);
  }
};

}  // namespace

std::unique_ptr<chunk::ChunkReplica> planted_replica(Plant plant, chunk::ChunkReplica& replica,
                                                     size_t zone, base::TaskGroup& frames) {
  switch (plant) {
    case Plant::kBadCrcIsEnd: return std::make_unique<CutReplica>(replica);
    case Plant::kQuorumOfOne:
      if (zone != 1) return nullptr;
      return std::make_unique<EagerReplica>(replica, frames);
    case Plant::kRecoveryOfOne:
      if (zone != 1) return nullptr;
      return std::make_unique<BlindReplica>(replica);
    case Plant::kAckOutOfOrder: return std::make_unique<DisorderlyReplica>(replica, frames);
    case Plant::kSealNotWritten: return std::make_unique<LookingReplica>(replica);
    case Plant::kCrcMadeAnew: return std::make_unique<LaunderingReplica>(replica);
    case Plant::kAdoptNothing: return std::make_unique<BlindReplica>(replica);
    case Plant::kSealIsMine: return std::make_unique<TrustingReplica>(replica);
    case Plant::kFreedEarly: return std::make_unique<HastyReplica>(replica);
    default: return nullptr;
  }
}

}  // namespace thalweg::sim
