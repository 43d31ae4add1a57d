// RecordingStore: an object store in memory whose GETs take virtual time, are written down, and
// fail when told to.
#pragma once

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "streamcore/base/executor.h"
#include "streamcore/object_store/object_store.h"

namespace thalweg::segment {

class RecordingStore final : public object_store::ObjectStore {
 public:
  explicit RecordingStore(base::Executor& executor) : executor_(executor) {}

  base::Task<base::Result<object_store::PutOutcome>> put_if_absent(std::string key,
                                                                   base::Parts parts) override {
    std::string object;
    for (const base::ByteView part : parts.views) object += base::as_chars(part);
    const bool created = objects_.emplace(std::move(key), std::move(object)).second;
    co_return created ? object_store::PutOutcome::kCreated : object_store::PutOutcome::kExists;
  }

  base::Task<base::Result<base::Slice>> get(std::string key,
                                            std::optional<object_store::ByteRange> range) override {
    gets.push_back(range.value_or(object_store::ByteRange{}));
    ++in_flight_;
    in_flight_max = std::max(in_flight_max, in_flight_);
    co_await base::sleep_for(executor_, latency);
    --in_flight_;
    if (!failures.empty()) {
      const base::ErrorCode code = failures.front();
      failures.pop_front();
      co_return base::fail(code, "told to fail");
    }
    const auto found = objects_.find(key);
    if (found == objects_.end()) co_return base::fail(base::ErrorCode::kNotFound, key);
    const std::string_view object = found->second;
    const object_store::ByteRange wanted =
        range.value_or(object_store::ByteRange{0, object.size()});
    if (wanted.offset > object.size() || wanted.length > object.size() - wanted.offset) {
      co_return base::fail(base::ErrorCode::kOutOfRange, key);
    }
    base::Buffer buffer =
        base::Buffer::copy_of(base::as_bytes(object.substr(wanted.offset, wanted.length)));
    if (flips > 0) {
      --flips;
      buffer.data()[wanted.length / 2] ^= std::byte{1};
    }
    co_return base::Slice{buffer, {buffer.data(), wanted.length}};
  }

  base::Task<base::Result<object_store::ObjectInfo>> head(std::string key) override {
    co_return object_store::ObjectInfo{key, objects_.at(key).size()};
  }
  base::Task<base::Status> remove(std::string key) override {
    objects_.erase(key);
    co_return base::Status{};
  }
  base::Task<base::Result<object_store::ListPage>> list(std::string, std::string) override {
    co_return base::fail(base::ErrorCode::kUnsupported, "not listed here");
  }

  std::string& object(const std::string& key) { return objects_.at(key); }

  base::Duration latency = std::chrono::milliseconds(5);
  std::deque<base::ErrorCode> failures;  // of the next GETs
  size_t flips = 0;                      // of a bit in what the next GETs answer
  std::vector<object_store::ByteRange> gets;
  size_t in_flight_max = 0;

 private:
  base::Executor& executor_;
  std::map<std::string, std::string> objects_;
  size_t in_flight_ = 0;
};

}  // namespace thalweg::segment
