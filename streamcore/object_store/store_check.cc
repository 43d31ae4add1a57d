#include "streamcore/object_store/store_check.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>

#include "streamcore/base/log.h"
#include "streamcore/base/task_group.h"

namespace thalweg::object_store {

using base::ErrorCode;
using base::Status;
using base::Task;

namespace {

constexpr int kRemovalsMax = 20;  // each time a put was sent again it may come back once

std::unexpected<base::Error> broken(std::string how) {
  return base::fail(ErrorCode::kUnsupported, std::move(how));
}

// The steps, and the keys they leave.
class Check {
 public:
  Check(ObjectStore& store, base::Executor& executor, base::Random& random, CheckEffort effort)
      : store_(store),
        executor_(executor),
        random_(random),
        effort_(effort),
        prefix_("check/" + std::to_string(random.next()) + "/") {}

  Task<std::vector<CheckStep>> run();

 private:
  struct Racer {
    std::string bytes;
    base::Result<PutOutcome> outcome = PutOutcome::kExists;
  };

  Task<Status> create_once();
  Task<Status> race_all();
  Task<Status> race(std::string key);
  Task<void> put_one(std::string key, Racer& racer);
  Task<Status> repeat_put();
  Task<Status> read_ranges();
  Task<Status> list_and_remove();
  Task<Status> remove_for_good(std::vector<std::string> gone);
  Task<base::Result<bool>> list_is(std::vector<std::string> left, std::vector<std::string> gone);
  Task<base::Result<bool>> is_there(std::string key);
  Task<base::Result<bool>> reads(std::string key, std::optional<ByteRange> range,
                                 std::string bytes);
  Task<Status> content_is(std::string key, std::string bytes);
  Task<base::Result<PutOutcome>> put(std::string key, std::string bytes);
  Task<void> clean_up();
  std::string bytes_of(size_t size);

  ObjectStore& store_;
  base::Executor& executor_;
  base::Random& random_;
  const CheckEffort effort_;
  const std::string prefix_;
  std::vector<std::string> keys_;  // that may exist
};

Task<std::vector<CheckStep>> Check::run() {
  struct Step {
    const char* promise;
    Task<Status> (Check::*go)();
  };
  constexpr Step kSteps[] = {
      {"a key is created once, and its object stays as it was", &Check::create_once},
      {"of puts of one key at once, one creates it", &Check::race_all},
      {"a put whose answer was lost is known again", &Check::repeat_put},
      {"parts of an object are read exactly", &Check::read_ranges},
      {"a list shows what there is at once, in order", &Check::list_and_remove},
  };
  std::vector<CheckStep> done;
  for (const Step& step : kSteps) {
    const base::TimePoint began = executor_.now();
    Status outcome = co_await (this->*step.go)();
    const bool kept = outcome.has_value();
    done.push_back({step.promise, std::move(outcome), executor_.now() - began});
    if (!kept) break;
  }
  co_await clean_up();
  co_return done;
}

std::string Check::bytes_of(size_t size) {
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random_.next());
  return bytes;
}

Task<base::Result<PutOutcome>> Check::put(std::string key, std::string bytes) {
  if (std::ranges::find(keys_, key) == keys_.end()) keys_.push_back(key);
  std::vector<base::ByteView> parts{base::as_bytes(bytes)};
  co_return co_await store_.put_if_absent(std::move(key), std::move(parts));
}

// Looks twice: what is read may have been damaged on the way.
Task<base::Result<bool>> Check::reads(std::string key, std::optional<ByteRange> range,
                                      std::string bytes) {
  const base::Slice first = CO_TRY(co_await store_.get(key, range));
  if (base::as_chars(first.bytes) == bytes) co_return true;
  const base::Slice second = CO_TRY(co_await store_.get(key, range));
  co_return base::as_chars(second.bytes) == bytes;
}

Task<Status> Check::content_is(std::string key, std::string bytes) {
  if (CO_TRY(co_await reads(std::move(key), std::nullopt, std::move(bytes)))) co_return Status{};
  co_return broken("another object is read than the one that was created");
}

Task<Status> Check::create_once() {
  const std::string key = prefix_ + "once";
  const std::string first = bytes_of(100);
  const PutOutcome created = CO_TRY(co_await put(key, first));
  if (created != PutOutcome::kCreated) co_return broken("a new key is said to exist");
  CO_TRY(co_await content_is(key, first));
  const PutOutcome again = CO_TRY(co_await put(key, bytes_of(100)));
  if (again == PutOutcome::kCreated) {
    co_return broken("it ignores conditions: a key that exists was created a second time");
  }
  co_return co_await content_is(key, first);
}

Task<Status> Check::race_all() {
  for (int i = 0; i < effort_.races; ++i) {
    CO_TRY(co_await race(prefix_ + "race-" + std::to_string(i)));
  }
  co_return Status{};
}

Task<void> Check::put_one(std::string key, Racer& racer) {
  racer.outcome = co_await put(std::move(key), racer.bytes);
}

Task<Status> Check::race(std::string key) {
  std::vector<Racer> racers(static_cast<size_t>(effort_.racers));
  base::TaskGroup group(executor_);
  for (Racer& racer : racers) racer.bytes = bytes_of(1000);
  for (Racer& racer : racers) group.spawn(put_one(key, racer));
  co_await group.stop_and_join();
  const Racer* winner = nullptr;
  for (const Racer& racer : racers) {
    const PutOutcome outcome = CO_TRY(base::Result<PutOutcome>(racer.outcome));
    if (outcome != PutOutcome::kCreated) continue;
    if (winner != nullptr) co_return broken("it ignores conditions: two writers created one key");
    winner = &racer;
  }
  if (winner == nullptr) co_return broken("nobody created the key");
  co_return co_await content_is(key, winner->bytes);
}

// By what the put left with the object: an ETag would not do, for two may put the same bytes.
Task<Status> Check::repeat_put() {
  const std::string key = prefix_ + "twice";
  const std::string bytes = bytes_of(100);
  keys_.push_back(key);
  const PutOutcome repeated = CO_TRY(co_await store_.put_twice(key, {base::as_bytes(bytes)}));
  if (repeated != PutOutcome::kCreated) {
    co_return broken("it does not keep metadata: a put that was repeated is taken for another's");
  }
  const PutOutcome another = CO_TRY(co_await put(key, bytes));
  if (another == PutOutcome::kCreated) co_return broken("the same bytes pass for the same put");
  co_return co_await content_is(key, bytes);
}

Task<Status> Check::read_ranges() {
  const std::string key = prefix_ + "range";
  const std::string bytes = bytes_of(effort_.object_bytes);
  CO_TRY(co_await put(key, bytes));
  const ByteRange middle{.offset = bytes.size() / 3, .length = bytes.size() / 2};
  if (!CO_TRY(co_await reads(key, middle, bytes.substr(middle.offset, middle.length)))) {
    co_return broken("other bytes are read than were asked for");
  }
  const ByteRange beyond{.offset = bytes.size() - 10, .length = 20};
  const auto past = co_await store_.get(key, beyond);
  if (past || past.error().code != ErrorCode::kOutOfRange) {
    co_return broken("a range beyond the end is not refused");
  }
  const ObjectInfo info = CO_TRY(co_await store_.head(key));
  if (info.size == bytes.size()) co_return Status{};
  co_return broken("the size is wrong");
}

Task<Status> Check::list_and_remove() {
  CO_TRY(co_await list_is(keys_, {}));
  CO_TRY(co_await remove_for_good({keys_.back()}));
  co_return co_await remove_for_good(keys_);
}

// A put may have been sent twice, and the second come when the object has been removed again: that
// is put once more, and no fault of the store's.
Task<Status> Check::remove_for_good(std::vector<std::string> gone) {
  std::vector<std::string> left = keys_;
  for (const std::string& key : gone) std::erase(left, key);
  for (int i = 0; i < kRemovalsMax; ++i) {
    CO_TRY(co_await (gone.size() == 1 ? store_.remove(gone[0]) : store_.remove_all(gone)));
    if (!CO_TRY(co_await list_is(left, gone)) || CO_TRY(co_await is_there(gone[0]))) continue;
    keys_ = std::move(left);
    co_return Status{};
  }
  co_return broken("an object that was removed is there again and again");
}

// True if all of `left` and nothing else is listed, false if some of `gone` are that can be read.
Task<base::Result<bool>> Check::list_is(std::vector<std::string> left,
                                        std::vector<std::string> gone) {
  std::ranges::sort(left);
  ListPage page = CO_TRY(co_await store_.list(prefix_, ""));
  const size_t shown = page.objects.size();
  for (const std::string& key : gone) {
    if (std::ranges::find(page.objects, key, &ObjectInfo::key) == page.objects.end()) continue;
    if (!CO_TRY(co_await is_there(key))) co_return broken("a list shows what was removed");
    std::erase_if(page.objects, [&](const ObjectInfo& object) { return object.key == key; });
  }
  if (std::ranges::equal(page.objects, left, {}, &ObjectInfo::key)) {
    co_return page.objects.size() == shown;
  }
  co_return broken("a list shows " + std::to_string(shown) + " objects where " +
                   std::to_string(left.size()) + " are");
}

Task<base::Result<bool>> Check::is_there(std::string key) {
  const auto found = co_await store_.get(std::move(key), std::nullopt);
  if (found) co_return true;
  if (found.error().code == ErrorCode::kNotFound) co_return false;
  co_return std::unexpected(found.error());
}

Task<void> Check::clean_up() {
  if (keys_.empty()) co_return;
  const Status removed = co_await store_.remove_all(std::move(keys_));
  if (!removed) base::log_warn("left behind by a check: " + prefix_);
}

}  // namespace

Task<std::vector<CheckStep>> check_store(ObjectStore& store, base::Executor& executor,
                                         base::Random& random, CheckEffort effort) {
  Check check(store, executor, random, effort);
  co_return co_await check.run();
}

}  // namespace thalweg::object_store
