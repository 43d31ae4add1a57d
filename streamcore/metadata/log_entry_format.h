// LogEntry: what one object meta/log/<n> holds, a batch of transactions of one node.
//
//   0   u32  magic "TMLE"
//   4   u8   version, 2; 1 is still read
//   5   u64  slot n (not in version 1)
//   13  u64  incarnation: the position it was drawn at (in version 1 a random number),
//   21  u64  and a random number
//   29  u64  counter, >= 1, one more than in the incarnation's entry before or further
//   37  u32  retired incarnations; each: u64 drawn at, u64 random number
//   ..  u32  transactions; each:
//              u32 conditions; each: bytes key, u8 1 = has this value, 0 = is absent,
//                                    bytes value if 1
//              u32 writes; each: bytes key, u8 1 = set, 0 = erase, bytes value if 1
//   ..  u32  CRC32C of everything before
//
// `bytes` is a u32 length and that many bytes. All integers are little endian. An entry is encoded
// for one slot, so that the bytes of another slot are not believed to be this one's; when another
// node's entry was first, it is encoded again for the next slot, and is the same entry by its
// incarnation and counter.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "streamcore/metadata/incarnation.h"
#include "streamcore/metadata/metadata_store.h"

namespace thalweg::metadata {

struct LogEntry {
  IncarnationId incarnation;
  uint64_t counter = 0;
  std::vector<IncarnationId> retired;  // rows the state forgets, if they are old; before the rest
  std::vector<Transaction> transactions;
};

inline constexpr size_t kTransactionsPerEntryMax = 4096;
inline constexpr size_t kRetiredPerEntryMax = 1024;
// Headers and retired incarnations beside transactions of kTransactionBytesMax in all.
inline constexpr size_t kLogEntryBytesMax = kTransactionBytesMax + 64 + 16 * kRetiredPerEntryMax;

// What the transaction takes inside an entry, in bytes.
size_t encoded_bytes(const Transaction& transaction);

std::string encode_log_entry(const LogEntry& entry, LogPosition slot);

// kCorrupt, naming the slot's object, if the bytes are not exactly one entry, or one of another
// slot; kUnsupported for a version from the future.
base::Result<LogEntry> decode_log_entry(std::string_view bytes, LogPosition slot);

}  // namespace thalweg::metadata
