// The metadata row that names the cluster, written at its first start.
//
//   u8      version (1)
//   bytes   the cluster's id as clients see it: u32 length, then that many bytes
//   u32     CRC32C of everything before
#pragma once

#include <string>
#include <string_view>

#include "streamcore/base/result.h"

namespace thalweg::topics {

inline constexpr std::string_view kClusterRowKey = "cluster/id";

std::string encode_cluster_row(std::string_view id);
// kCorrupt; kUnsupported for an intact row of another version.
base::Result<std::string> decode_cluster_row(std::string_view bytes);

}  // namespace thalweg::topics
