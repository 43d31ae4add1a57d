#include "streamcore/channel/channel_rows.h"

#include <string>

#include "streamcore/channel/row_keys.h"

namespace thalweg::channel {

base::Task<base::Result<ChannelRows>> load_channel_rows(metadata::MetadataStore& metadata) {
  ChannelRows rows;
  const auto found =
      CO_TRY(co_await metadata.scan(std::string(kChannelRowPrefix), "", kChannelsMax + 1));
  for (const auto& [key, bytes] : found) {
    const ChannelId id = channel_of_row_key(key);
    if (id.value != rows.size() || rows.size() == kChannelsMax) {
      co_return base::fail(base::ErrorCode::kCorrupt,
                           key + ": expected channel " + std::to_string(rows.size()) +
                               " of at most " + std::to_string(kChannelsMax));
    }
    rows.emplace_back(id, CO_TRY(decode_channel_row(bytes)));
  }
  co_return rows;
}

}  // namespace thalweg::channel
