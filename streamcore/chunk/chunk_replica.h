// ChunkReplica: one of the N stores that hold the chunk log, seen as a set of write-once registers
// (P1).
//
// A register is empty, or holds one chunk, or one SEAL, and then never changes; remove_below()
// forgets chunks, never SEALs (P7). A replica judges nothing: quorum, order and fencing belong to
// ChunkOwner, recovery to recovery.h. All calls are made on one executor. A replica that answered
// kUnavailable to a put is dead for good: its process or its store must be replaced, under a new
// incarnation.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "streamcore/base/bytes.h"
#include "streamcore/base/executor.h"
#include "streamcore/base/result.h"
#include "streamcore/base/task.h"
#include "streamcore/chunk/chunk_format.h"
#include "streamcore/types.h"

namespace thalweg::chunk {

struct ChunkKey {
  ChannelId channel{};
  ChannelEpoch epoch{};
  ChunkSeq seq{};
  bool adopted =
      false;  // the copy a recovery made because a SEAL had taken the register itself (P10)

  friend auto operator<=>(const ChunkKey&, const ChunkKey&) = default;
};

inline ChunkKey key_of(const ChunkHeader& header, bool adopted = false) {
  return {header.channel, header.epoch, header.seq, adopted};
}

// kCorrupt if what has this header does not lie in this register: another names itself so, or it is
// a SEAL where only adopted copies are put.
base::Status check_lies_in(const ChunkKey& key, const ChunkHeader& header);

// "c/<channel>/<epoch>/<seq>", numbers in hexadecimal, ".a" behind an adopted copy.
std::string to_string(const ChunkKey& key);

enum class PutOutcome { kCreated, kExists };

class ChunkReplica {
 public:
  virtual ~ChunkReplica() = default;

  // Writes a whole finished chunk, durably. kExists says that the register holds a chunk or a SEAL:
  // see head(). kUnknownOutcome: it may be there now, later or never; only the same bytes may be
  // sent again. kUnavailable: dead for good. kNoSpace, kCorrupt: nothing was done.
  virtual base::Task<base::Result<PutOutcome>> put_if_absent(ChunkKey key, base::Slice chunk) = 0;
  // The header of what the register holds, chunk or SEAL. kNotFound, kCorrupt, kUnavailable (may be
  // asked again).
  virtual base::Task<base::Result<ChunkHeader>> head(ChunkKey key) = 0;
  // The whole chunk as it lies there; the caller validates it (ChunkView). A SEAL is its header.
  virtual base::Task<base::Result<base::Slice>> read(ChunkKey key) = 0;
  // `length` bytes from `position`; neither need be aligned. kOutOfRange beyond the chunk's end.
  virtual base::Task<base::Result<base::Slice>> read_range(ChunkKey key, uint64_t position,
                                                           uint64_t length) = 0;
  // The validated index, without reading payloads. kNotFound also for a SEAL; kCorrupt.
  virtual base::Task<base::Result<std::vector<IndexedEntry>>> read_index(ChunkKey key) = 0;
  // Puts a SEAL, durably, if the register is empty. A chunk that is there in part (a tear) is not
  // there. kExists: the register holds a whole chunk or a SEAL. kCorrupt: it holds what was once
  // whole. Else as put_if_absent.
  virtual base::Task<base::Result<PutOutcome>> seal(ChunkKey key, uint64_t sealer_nonce) = 0;
  // Every register of the epoch that is not empty, adopted ones too, ascending.
  virtual base::Task<base::Result<std::vector<ChunkKey>>> list(ChannelId channel,
                                                               ChannelEpoch epoch) = 0;
  // Makes everything that reads can see durable (P13). kUnavailable.
  virtual base::Task<base::Status> make_durable() = 0;
  // Forgets the chunks of the epoch below `free_below`, adopted ones too, and every chunk of lower
  // epochs of the channel, since epochs drain in order (P9). Called after the free-watermark is
  // committed (P6). SEALs stay. Space may come back later than the answer.
  virtual base::Task<base::Status> remove_below(ChannelId channel, ChannelEpoch epoch,
                                                ChunkSeq free_below) = 0;
  // Bytes of chunks the channel can put now without running out of space, however they fall, if
  // none of them is longer than `longest`.
  virtual uint64_t ready_bytes(ChannelId channel, uint64_t longest) = 0;
  // Makes ready_bytes() at least `bytes`, whatever the longest chunk in it. kNoSpace,
  // kUnavailable.
  virtual base::Task<base::Status> make_ready(ChannelId channel, uint64_t bytes) = 0;
  // Of the store (P8). 0: it was not reached yet, or is no longer the one this object is bound to;
  // then nothing it says counts.
  virtual uint64_t incarnation() const = 0;
  // About how long a read takes now; readers ask the quickest of several replicas first.
  virtual base::Duration read_delay() const { return base::Duration(0); }
  // From here on this is the store of that incarnation or none. A store that could change under
  // this object compares; one that is locked was compared by the caller.
  virtual void bind(uint64_t) {}
  // Asks the store itself whether it still is the one of incarnation(); what it answered before
  // this call counts if it is. kUnavailable: it does not say. Any other error: it is not.
  virtual base::Task<base::Status> check_incarnation() { co_return base::Status(); }
};

}  // namespace thalweg::chunk
