#include "tests/sim/planted_objects.h"

#include <optional>
#include <string>
#include <utility>

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

}  // namespace

std::unique_ptr<object_store::ObjectStore> planted_objects(Plant plant,
                                                           object_store::ObjectStore& objects,
                                                           base::TaskGroup& frames) {
  switch (plant) {
    case Plant::kSegmentLater: return std::make_unique<EagerObjects>(objects, frames);
    case Plant::kUnknownIsDone: return std::make_unique<SureObjects>(objects, true);
    case Plant::kUnknownIsFailed: return std::make_unique<SureObjects>(objects, false);
    default: return nullptr;
  }
}

}  // namespace thalweg::sim
