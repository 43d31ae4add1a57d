// The file of a channel's SEALs: records of 512 bytes, appended one at a time, never recycled (P7).
//
//   log/<channel, 8 hex>/seals
//
//   0    SEAL header (chunk_format.h): magic, version, incarnation, channel, epoch, seq, nonce, CRC
//   256  zeros
//
// The file is allocated ahead, so zeros follow the last record. A record is one sector, so it is
// whole or not there; a record that is neither whole nor zero is the torn end if nothing valid
// follows, corruption otherwise.
#pragma once

#include <vector>

#include "streamcore/base/bytes.h"
#include "streamcore/base/result.h"
#include "streamcore/chunk/chunk_format.h"

namespace thalweg::chunk {

inline constexpr size_t kSealRecordBytes = 512;
static_assert(kChunkHeaderBytes <= kSealRecordBytes);

// One record, at the front of the buffer.
base::Buffer encode_seal_record(const ChunkIds& ids);

// The SEALs of a whole file of this store and channel, in the order they were put. kCorrupt,
// kUnsupported.
base::Result<std::vector<ChunkHeader>> decode_seal_file(base::ByteView file, uint64_t incarnation,
                                                        ChannelId channel);

}  // namespace thalweg::chunk
