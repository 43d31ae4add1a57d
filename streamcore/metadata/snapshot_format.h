// A snapshot: what one object meta/snapshot/<n> holds, the whole state after the slots 1..n.
//
//   0   u32  magic "TMSN"
//   4   u8   version, 2; 1 is still read
//   5   u64  position n
//   13  u64  number of rows
//   21  u32  incarnations; each:
//              u64 drawn at, u64 random number, u64 last counter, u64 slot of its last entry (not
//              in version 1: n), u32 transactions of its last entry, and for each eight of them a
//              byte of bits, lowest first: 1 = the conditions held
//   ..  rows in ascending order of keys; each: bytes key, bytes value
//   ..  u32  CRC32C of everything before
//
// `bytes` is a u32 length and that many bytes. All integers are little endian. Encoding, checking
// and decoding go slice by slice, so that a large state does not hold up the executor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "streamcore/base/byte_codec.h"
#include "streamcore/metadata/log_objects.h"
#include "streamcore/metadata/ordered_state.h"

namespace thalweg::metadata {

// Rows encoded, decoded or checked in one go: a millisecond or so.
inline constexpr size_t kSnapshotSliceBytes = 256 << 10;

class SnapshotEncoder {
 public:
  // `rows` outlives the encoder.
  SnapshotEncoder(LogPosition position, FrozenState& rows) : position_(position), rows_(rows) {}
  // The next part of the object, about `bytes` long; nothing after the last.
  std::optional<std::string> next(size_t bytes);

 private:
  LogPosition position_;
  FrozenState& rows_;
  uint32_t crc_ = 0;
  bool started_ = false;
  bool ended_ = false;
};

// Checks an object that comes part by part without decoding its rows.
class SnapshotVerifier {
 public:
  void add(std::string_view part);
  // kCorrupt, naming `object`, unless the parts are a whole snapshot of `position`.
  base::Status finish(LogPosition position, std::string_view object) const;

 private:
  std::string header_;   // the first bytes, up to the position
  std::string trailer_;  // the last four bytes so far, not yet in crc_
  uint32_t crc_ = 0;
};

class SnapshotDecoder {
 public:
  // `bytes` and `into` (empty) outlive the decoder; `object` names it in errors.
  SnapshotDecoder(std::string_view bytes, LogPosition position, std::string object,
                  OrderedState& into);
  // Goes on over about `bytes` of the object; true once all of it is in the state. kCorrupt,
  // kUnsupported.
  base::Result<bool> step(size_t bytes);

 private:
  enum class Stage { kCheck, kHeader, kRows };
  base::Status check(size_t bytes);
  base::Status read_header();
  void read_incarnation();
  base::Result<bool> read_rows(size_t bytes);
  std::unexpected<base::Error> corrupt(const std::string& what) const;

  std::string_view bytes_;
  LogPosition position_;
  std::string object_;
  OrderedState& into_;
  Stage stage_ = Stage::kCheck;
  SnapshotVerifier verifier_;
  size_t checked_ = 0;
  base::ByteReader in_;
  uint64_t rows_left_ = 0;
  uint8_t snapshot_version_ = 0;
};

}  // namespace thalweg::metadata
