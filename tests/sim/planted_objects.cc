#include "tests/sim/planted_objects.h"

#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "streamcore/base/byte_codec.h"
#include "streamcore/chunk/chunk_format.h"
#include "streamcore/chunk/chunk_object_format.h"
#include "streamcore/metadata/log_entry_format.h"
#include "streamcore/metadata/log_objects.h"

namespace thalweg::sim {

namespace {

using base::ErrorCode;
using base::Result;
using base::Status;
using base::Task;
using object_store::PutOutcome;

// Hands everything on.
class OtherObjects : public object_store::ObjectStore {
 public:
  explicit OtherObjects(ObjectStore& inner) : inner_(inner) {}
  Task<Result<PutOutcome>> put_if_absent(std::string key, base::Parts parts) override {
    return inner_.put_if_absent(std::move(key), std::move(parts));
  }
  Task<Result<base::Slice>> get(std::string key,
                                std::optional<object_store::ByteRange> range) override {
    return inner_.get(std::move(key), range);
  }
  Task<Result<object_store::ObjectInfo>> head(std::string key) override {
    return inner_.head(std::move(key));
  }
  Task<Status> remove(std::string key) override { return inner_.remove(std::move(key)); }
  Task<Result<object_store::ListPage>> list(std::string prefix, std::string start_after) override {
    return inner_.list(std::move(prefix), std::move(start_after));
  }

 protected:
  ObjectStore& inner_;
};

// Answers for a segment's object before it has it.
class EagerObjects final : public OtherObjects {
 public:
  EagerObjects(ObjectStore& inner, base::TaskGroup& frames)
      : OtherObjects(inner), frames_(frames) {}
  Task<Result<PutOutcome>> put_if_absent(std::string key, base::Parts parts) override {
    if (!key.starts_with("segment/")) co_return co_await inner_.put_if_absent(key, parts);
    std::string bytes;
    for (const base::ByteView part : parts.views) bytes += base::as_chars(part);
    frames_.spawn(put_later(inner_, std::move(key), std::move(bytes)));
    co_return PutOutcome::kCreated;
  }

 private:
  static Task<void> put_later(ObjectStore& inner, std::string key, std::string bytes) {
    (void)co_await inner.put_if_absent(key, {base::as_bytes(bytes)});
  }

  base::TaskGroup& frames_;
};

// Takes a chunk it finds where it puts one for another's, though it may be its own.
class ForeignObjects final : public OtherObjects {
 public:
  using OtherObjects::OtherObjects;
  Task<Result<PutOutcome>> put_if_absent(std::string key, base::Parts parts) override {
    const bool is_log = chunk::decode_chunk_object_key(key).has_value();
    auto put = co_await inner_.put_if_absent(std::move(key), std::move(parts));
    if (!is_log || put != PutOutcome::kExists) co_return put;
    co_return base::fail(ErrorCode::kNoSpace, "planted: not created");
  }
};

// Takes a put of unknown outcome for done, or for one that did nothing.
class SureObjects final : public OtherObjects {
 public:
  SureObjects(ObjectStore& inner, bool done) : OtherObjects(inner), done_(done) {}
  Task<Result<PutOutcome>> put_if_absent(std::string key, base::Parts parts) override {
    auto put = co_await inner_.put_if_absent(std::move(key), std::move(parts));
    if (put || put.error().code != ErrorCode::kUnknownOutcome) co_return put;
    if (done_) co_return PutOutcome::kCreated;
    co_return base::fail(ErrorCode::kNoSpace, put.error().message);
  }

 private:
  const bool done_;
};

// Sees no boundary of the metadata log: a slot without an entry is the end of it.
class BoundlessObjects final : public OtherObjects {
 public:
  using OtherObjects::OtherObjects;
  Task<Result<object_store::ListPage>> list(std::string prefix, std::string start_after) override {
    if (prefix == metadata::kBoundaryPrefix) co_return object_store::ListPage{};
    co_return co_await inner_.list(std::move(prefix), std::move(start_after));
  }
};

// What says in its bytes that it belongs elsewhere, made to say that it is this key's; nothing if
// it says so already, or is no such thing.
using Rename = std::optional<std::string> (*)(const std::string& key, std::string_view bytes);

constexpr size_t kPlaceAt = 5;  // in an entry the slot, in a snapshot the position: u64

std::optional<std::string> entry_renamed(const std::string& key, std::string_view bytes) {
  const auto slot = metadata::parse_object_name(metadata::kLogPrefix, key);
  if (!slot || bytes.size() < kPlaceAt + sizeof(uint64_t)) return std::nullopt;
  metadata::LogPosition said;
  std::memcpy(&said.value, bytes.data() + kPlaceAt, sizeof said.value);
  const auto entry = metadata::decode_log_entry(bytes, said);
  if (!entry || said == *slot) return std::nullopt;
  return metadata::encode_log_entry(*entry, *slot);
}

std::optional<std::string> snapshot_renamed(const std::string& key, std::string_view bytes) {
  const auto position = metadata::parse_object_name(metadata::kSnapshotPrefix, key);
  const auto content = base::open_sealed(bytes, key);
  if (!position || !content || content->size() < kPlaceAt + sizeof(uint64_t)) return std::nullopt;
  base::ByteWriter sealed;
  for (const char c : content->substr(0, kPlaceAt)) sealed.put(c);
  sealed.put(position->value);
  for (const char c : content->substr(kPlaceAt + sizeof(uint64_t))) sealed.put(c);
  return std::move(sealed).seal();
}

std::optional<std::string> chunk_renamed(const std::string& key, std::string_view bytes) {
  const auto name = chunk::decode_chunk_object_key(key);
  auto header = chunk::decode_header(base::as_bytes(bytes));
  if (!name || !header || chunk::key_of(*header, name->key.adopted) == name->key) {
    return std::nullopt;
  }
  header->channel = name->key.channel;
  header->epoch = name->key.epoch;
  header->seq = name->key.seq;
  std::string renamed(bytes);
  chunk::encode_header(*header, reinterpret_cast<std::byte*>(renamed.data()));
  return renamed;
}

// Takes what a get brings for what it asked for, whatever it says it is.
class CredulousObjects final : public OtherObjects {
 public:
  CredulousObjects(ObjectStore& inner, Rename rename) : OtherObjects(inner), rename_(rename) {}
  Task<Result<base::Slice>> get(std::string key,
                                std::optional<object_store::ByteRange> range) override {
    base::Slice got = CO_TRY(co_await inner_.get(key, range));
    const auto renamed = rename_(key, base::as_chars(got.bytes));
    if (!renamed) co_return got;
    const base::Buffer copy = base::Buffer::copy_of(base::as_bytes(*renamed));
    co_return base::Slice{copy, base::ByteView(copy.data(), renamed->size())};
  }

 private:
  const Rename rename_;
};

// Collects the SEALs it put once its own epoch has begun.
class TidyObjects final : public OtherObjects {
 public:
  using OtherObjects::OtherObjects;
  Task<Result<PutOutcome>> put_if_absent(std::string key, base::Parts parts) override {
    const bool is_log = chunk::decode_chunk_object_key(key).has_value();
    const bool is_seal = is_log && parts.size() == chunk::kChunkHeaderBytes;
    if (is_seal) seals_.push_back(key);
    for (const std::string& seal : is_log && !is_seal ? std::exchange(seals_, {}) : kNone) {
      CO_TRY(co_await inner_.remove(seal));
    }
    co_return co_await inner_.put_if_absent(std::move(key), std::move(parts));
  }

 private:
  static inline const std::vector<std::string> kNone;
  std::vector<std::string> seals_;
};

}  // namespace

std::unique_ptr<object_store::ObjectStore> planted_objects(Plant plant,
                                                           object_store::ObjectStore& objects,
                                                           base::TaskGroup& frames) {
  switch (plant) {
    case Plant::kSegmentLater: return std::make_unique<EagerObjects>(objects, frames);
    case Plant::kBoundaryIgnored: return std::make_unique<BoundlessObjects>(objects);
    case Plant::kSlotNotCompared: return std::make_unique<CredulousObjects>(objects, entry_renamed);
    case Plant::kPositionNotCompared:
      return std::make_unique<CredulousObjects>(objects, snapshot_renamed);
    case Plant::kChunkNotCompared:
      return std::make_unique<CredulousObjects>(objects, chunk_renamed);
    case Plant::kSealsCollected: return std::make_unique<TidyObjects>(objects);
    case Plant::kExistsIsFailed: return std::make_unique<ForeignObjects>(objects);
    case Plant::kUnknownIsDone: return std::make_unique<SureObjects>(objects, true);
    case Plant::kUnknownIsFailed: return std::make_unique<SureObjects>(objects, false);
    default: return nullptr;
  }
}

}  // namespace thalweg::sim
