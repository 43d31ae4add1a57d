#include "tests/sim/planted_metadata.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "streamcore/channel/channel_row_format.h"
#include "streamcore/channel/object_row_format.h"
#include "streamcore/channel/row_keys.h"
#include "streamcore/metadata/lease_row_format.h"

namespace thalweg::sim {

namespace {

using base::Result;
using base::Status;
using base::Task;

// Shows a row as something else, and lets conditions on what it showed hold.
class LyingMetadata : public metadata::MetadataStore {
 public:
  explicit LyingMetadata(MetadataStore& inner) : inner_(inner) {}
  Task<Result<std::optional<std::string>>> get(std::string key) final {
    auto value = CO_TRY(co_await inner_.get(key));
    if (!value.has_value()) co_return value;
    co_return CO_TRY(show(key, *std::move(value)));
  }
  Task<Result<std::vector<metadata::KeyValue>>> scan(std::string prefix, std::string start_after,
                                                     size_t limit) override {
    auto rows = CO_TRY(co_await inner_.scan(std::move(prefix), std::move(start_after), limit));
    for (auto& [key, value] : rows) value = CO_TRY(show(key, std::move(value)));
    co_return rows;
  }
  Task<Status> commit(metadata::Transaction transaction) final {
    for (metadata::Condition& condition : transaction.conditions) {
      const auto real = real_.find({condition.key, condition.value.value_or("")});
      if (real != real_.end()) condition.value = real->second;
    }
    return inner_.commit(std::move(transaction));
  }

 private:
  // The row itself where the truth is told.
  virtual Result<std::string> lie_about(std::string_view key, const std::string& row) const = 0;

  Result<std::string> show(const std::string& key, std::string row) {
    std::string lie = TRY(lie_about(key, row));
    if (lie != row) real_[{key, lie}] = std::move(row);
    return lie;
  }

  MetadataStore& inner_;
  // Rows by their key and what was shown for them.
  std::map<std::pair<std::string, std::string>, std::string> real_;
};

// The channel's row without its oldest epoch.
class ForgetfulMetadata final : public LyingMetadata {
  using LyingMetadata::LyingMetadata;
  Result<std::string> lie_about(std::string_view key, const std::string& row) const override {
    if (!key.starts_with("channel/")) return row;
    auto channel = TRY(channel::decode_channel_row(row));
    if (channel.undrained.size() < 2) return row;
    channel.undrained.erase(channel.undrained.begin());
    return channel::encode_channel_row(channel);
  }
};

// A lease whose holder does not trust it for any time at all.
class ImpatientMetadata final : public LyingMetadata {
  using LyingMetadata::LyingMetadata;
  Result<std::string> lie_about(std::string_view key, const std::string& row) const override {
    if (key != metadata::kLeaseKey) return row;
    auto lease = TRY(metadata::decode_lease_row(row));
    lease.length_ms = 0;
    return metadata::encode_lease_row(lease);
  }
};

// An object's row that misses one of the references to it.
class MiscountingMetadata final : public LyingMetadata {
  using LyingMetadata::LyingMetadata;
  Result<std::string> lie_about(std::string_view key, const std::string& row) const override {
    if (!key.starts_with(channel::kObjectRowPrefix)) return row;
    auto object = TRY(channel::decode_object_row(row));
    if (object.state != channel::ObjectState::kCommitted || object.live_ranges < 2) return row;
    --object.live_ranges;
    return channel::encode_object_row(object);
  }
};

// Hands everything on.
class OtherMetadata : public metadata::MetadataStore {
 public:
  explicit OtherMetadata(MetadataStore& inner) : inner_(inner) {}
  Task<Result<std::optional<std::string>>> get(std::string key) override {
    return inner_.get(std::move(key));
  }
  Task<Result<std::vector<metadata::KeyValue>>> scan(std::string prefix, std::string start_after,
                                                     size_t limit) override {
    return inner_.scan(std::move(prefix), std::move(start_after), limit);
  }
  Task<Status> commit(metadata::Transaction transaction) override {
    return inner_.commit(std::move(transaction));
  }

 protected:
  MetadataStore& inner_;
};

// Changes rows without some of the conditions.
class CarelessMetadata final : public OtherMetadata {
 public:
  CarelessMetadata(MetadataStore& inner, std::vector<std::string_view> forgotten)
      : OtherMetadata(inner), forgotten_(std::move(forgotten)) {}
  Task<Status> commit(metadata::Transaction transaction) override {
    std::erase_if(transaction.conditions, [&](const metadata::Condition& condition) {
      return std::ranges::any_of(
          forgotten_, [&](std::string_view prefix) { return condition.key.starts_with(prefix); });
    });
    return inner_.commit(std::move(transaction));
  }

 private:
  const std::vector<std::string_view> forgotten_;  // keys that begin so
};

// Goes on with its own view of a channel when another's was committed.
class StubbornMetadata final : public OtherMetadata {
 public:
  using OtherMetadata::OtherMetadata;
  Task<Status> commit(metadata::Transaction transaction) override {
    const bool of_channel = std::ranges::any_of(transaction.writes, [](const metadata::Write& w) {
      return w.key.starts_with(channel::kChannelRowPrefix);
    });
    const Status committed = co_await inner_.commit(std::move(transaction));
    const bool refused = !committed && committed.error().code == base::ErrorCode::kConditionFailed;
    co_return refused&& of_channel ? Status() : committed;
  }
};

}  // namespace

std::unique_ptr<metadata::MetadataStore> planted_metadata(Plant plant,
                                                          metadata::MetadataStore& metadata) {
  switch (plant) {
    case Plant::kEpochForgotten: return std::make_unique<ForgetfulMetadata>(metadata);
    case Plant::kReferenceMissed: return std::make_unique<MiscountingMetadata>(metadata);
    case Plant::kRowsUnowned:
      return std::make_unique<CarelessMetadata>(
          metadata, std::vector<std::string_view>{metadata::kGrantKey, channel::kChannelRowPrefix});
    case Plant::kEndByOneself: return std::make_unique<StubbornMetadata>(metadata);
    default: return nullptr;
  }
}

std::unique_ptr<metadata::MetadataStore> planted_lease_metadata(Plant plant,
                                                                metadata::MetadataStore& metadata) {
  if (plant != Plant::kTakerDoesNotWait) return nullptr;
  return std::make_unique<ImpatientMetadata>(metadata);
}

}  // namespace thalweg::sim
