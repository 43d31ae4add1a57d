// The four compressions of record batches. Output is always bounded by the caller; a block that
// would grow past it is refused after at most that many bytes, whatever its headers claim.
#pragma once

#include <vector>

#include "kafka_protocol/records/batch_view.h"
#include "streamcore/base/bytes.h"
#include "streamcore/base/result.h"

namespace thalweg::records {

// What one batch may decompress to where the broker has to look inside it.
inline constexpr size_t kUncompressedBytesMax = 64u << 20;

// What the batches of one request may decompress to together.
inline constexpr size_t kUncompressedBytesPerRequestMax = 512u << 20;

// UncompressedBudget: what is left of that for one request.
struct UncompressedBudget {
  size_t bytes_left = kUncompressedBytesPerRequestMax;
};

// kCorrupt for a malformed block, kTooLarge past `bytes_max`, kUnsupported for an unknown type.
// kNone copies. Snappy is read with and without the xerial stream framing.
base::Result<std::vector<std::byte>> decompress(Compression type, base::ByteView block,
                                                size_t bytes_max = kUncompressedBytesMax);

// One block as Java clients write it (snappy in xerial framing). kUnsupported for an unknown type.
base::Result<std::vector<std::byte>> compress(Compression type, base::ByteView bytes);

}  // namespace thalweg::records
