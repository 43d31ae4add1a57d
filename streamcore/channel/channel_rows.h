// Every channel a store has, as its rows in metadata say.
#pragma once

#include <utility>
#include <vector>

#include "streamcore/base/task.h"
#include "streamcore/channel/channel_row_format.h"
#include "streamcore/metadata/metadata_store.h"

namespace thalweg::channel {

// Of one store.
inline constexpr size_t kChannelsMax = 1000;

using ChannelRows = std::vector<std::pair<ChannelId, ChannelRow>>;

// In the order of their ids, which are 0, 1, 2 and so on. kCorrupt.
base::Task<base::Result<ChannelRows>> load_channel_rows(metadata::MetadataStore& metadata);

}  // namespace thalweg::channel
