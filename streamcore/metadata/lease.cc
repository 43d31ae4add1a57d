#include "streamcore/metadata/lease.h"

#include <algorithm>
#include <utility>

#include "streamcore/base/check.h"
#include "streamcore/base/log.h"

namespace thalweg::metadata {

using base::Duration;
using base::ErrorCode;
using base::Result;
using base::Status;
using base::Task;

namespace {

// A renewal that failed is tried again after this.
constexpr Duration kRetry = std::chrono::milliseconds(100);
constexpr int kLooksPerLength = 6;  // of who waits for it to stand still
// A request of a holder that died may move it once more; a living one moves it again.
constexpr int kMovesOfTheDead = 1;

// Renewed when half of it is over: every third of it would be a request more a second for nothing.
Duration renewal_due(Duration renewed_at, Duration length) { return renewed_at + length / 2; }

base::Error taken_by(const LeaseRow& row) {
  return {ErrorCode::kFenced, "another owner has taken over: " + row.name};
}

}  // namespace

Lease::Lease(Parts parts, std::string name, LeaseOptions options)
    : parts_(parts),
      options_(options),
      row_{.holder = parts.random.next(),
           .length_ms = static_cast<uint32_t>(options.length.count()),
           .name = std::move(name)},
      wanted_changed_(parts.executor),
      settled_(parts.executor),
      tasks_(parts.executor) {}

// --- taking it

Task<Result<Lease::Found>> Lease::find() {
  Found found;
  found.bytes = CO_TRY(co_await parts_.metadata.get(std::string(kLeaseKey)));
  if (found.bytes) found.row = CO_TRY(decode_lease_row(*found.bytes));
  co_return found;
}

Task<Result<Lease::Found>> Lease::wait_until_free() {
  Found found = CO_TRY(co_await find());
  Duration since = parts_.clock.since_boot();  // after it was read: it may have moved only before
  if (!found.free()) {
    base::log_info("lease: held by " + found.row.name + "; waiting whether that still lives");
  }
  for (int moves = 0; !found.free();) {
    const Duration length = std::chrono::milliseconds(found.row.length_ms);
    const Duration due = since + length + length / 8;
    const Duration left = std::max(due - parts_.clock.since_boot(), Duration(0));
    if (!co_await tasks_.sleep_for(std::min(left, length / kLooksPerLength))) {
      co_return base::fail(ErrorCode::kClosed, "stopped while waiting for the lease");
    }
    if (parts_.clock.since_boot() >= due) break;  // that it stood still is asked when it is taken
    Found next = CO_TRY(co_await find());
    if (next.bytes == found.bytes) continue;
    if (!next.free() && ++moves > kMovesOfTheDead) {
      co_return base::fail(ErrorCode::kAlreadyExists, "in use by another owner: " + next.row.name);
    }
    found = std::move(next);
    since = parts_.clock.since_boot();
  }
  co_return found;
}

Task<Result<bool>> Lease::take(const Found& found) {
  row_.counter = 1;
  grant_ = bytes_ = encode_lease_row(row_);
  Transaction transaction;
  transaction.require(std::string(kLeaseKey), found.bytes)
      .set(std::string(kLeaseKey), bytes_)
      .set(std::string(kGrantKey), grant_);
  const Duration sent_at = parts_.clock.since_boot();
  const Status taken = co_await parts_.metadata.commit(std::move(transaction));
  if (taken) extend(sent_at);
  if (taken || taken.error().code == ErrorCode::kConditionFailed) co_return taken.has_value();
  if (taken.error().code != ErrorCode::kUnknownOutcome) co_return std::unexpected(taken.error());
  // The row tells; that it was taken does not make it valid.
  co_return CO_TRY(co_await find()).bytes == bytes_;
}

Task<Status> Lease::acquire() { co_return co_await acquire(CO_TRY(co_await wait_until_free())); }

Task<Status> Lease::acquire(Found found) {
  while (!CO_TRY(co_await take(found))) found = CO_TRY(co_await wait_until_free());
  if (!found.free()) base::log_info("lease: taken over from " + found.row.name);
  tasks_.spawn(keep_renewed());
  co_return Status();
}

// --- keeping it

void Lease::extend(Duration sent_at) {
  renewed_at_ = sent_at;
  valid_until_ = sent_at + options_.length;
  wanted_ = false;
}

bool Lease::valid() const { return !lost_ && parts_.clock.since_boot() < valid_until_; }

void Lease::want() {
  if (wanted_) return;
  wanted_ = true;
  wanted_changed_.notify_all();
}

bool Lease::holds() {
  want();
  return valid();
}

Task<Status> Lease::prove() {
  const base::TimePoint deadline = parts_.executor.now() + options_.prove_wait_max;
  struct Timer {
    base::Executor& executor;
    base::TimerId id;
    ~Timer() { executor.cancel(id); }
  } timer{parts_.executor,
          parts_.executor.run_after(options_.prove_wait_max, [this] { settled_.notify_all(); })};
  while (!valid()) {
    if (lost_) co_return std::unexpected(*lost_);
    if (tasks_.stopping()) co_return base::fail(ErrorCode::kClosed, "the lease is given back");
    if (parts_.executor.now() >= deadline) {
      co_return base::fail(ErrorCode::kUnavailable, "the lease cannot be renewed: no answer");
    }
    want();
    co_await settled_.wait();
  }
  co_return Status();
}

Task<void> Lease::keep_renewed() {
  while (!tasks_.stopping() && !lost_) {
    if (!wanted_) {
      co_await wanted_changed_.wait();
      continue;
    }
    const Duration early = renewal_due(renewed_at_, options_.length) - parts_.clock.since_boot();
    if (early > Duration(0)) {
      if (!co_await tasks_.sleep_for(early)) break;
      continue;
    }
    const Status renewed = co_await renew();
    if (!renewed && !lost_ && !co_await tasks_.sleep_for(kRetry)) break;
    if (!renewed) continue;
    if (!valid()) {  // it took too long, and whoever relies on it still waits
      wanted_ = true;
      continue;
    }
    settled_.notify_all();
    // Always: it may have lapsed for just as long as the renewal was on its way.
    for (LeaseListener* listener : listeners_) listener->lease_renewed();
  }
}

Task<Status> Lease::commit(LeaseRow row, Transaction more) {
  std::string next = encode_lease_row(row);
  more.require(std::string(kLeaseKey), bytes_).set(std::string(kLeaseKey), next);
  CO_TRY(co_await parts_.metadata.commit(std::move(more)));
  row_ = std::move(row);
  bytes_ = std::move(next);
  co_return Status();
}

Task<Status> Lease::renew() {
  LeaseRow next = row_;
  ++next.counter;
  const Duration sent_at = parts_.clock.since_boot();
  Status renewed = co_await commit(std::move(next), {});
  if (renewed) {
    extend(sent_at);
    co_return renewed;
  }
  const ErrorCode code = renewed.error().code;
  if (code == ErrorCode::kClosed || code == ErrorCode::kCorrupt) {
    lose(renewed.error());
  } else if (code == ErrorCode::kConditionFailed || code == ErrorCode::kUnknownOutcome) {
    (void)co_await check_holder();
  }
  co_return renewed;
}

Task<Status> Lease::check_holder() {
  if (lost_) co_return std::unexpected(*lost_);
  Found found = CO_TRY(co_await find());
  if (lost_) co_return std::unexpected(*lost_);
  if (found.bytes && found.row.holder == row_.holder) {
    // An earlier renewal went through after all; it does not count.
    if (found.row.counter > row_.counter) {
      row_ = std::move(found.row);
      bytes_ = std::move(*found.bytes);
    }
    co_return Status();
  }
  lose(taken_by(found.row));
  co_return std::unexpected(*lost_);
}

Task<void> Lease::look_at_holder() { (void)co_await check_holder(); }

void Lease::doubt() {
  if (lost_ || tasks_.stopping()) return;
  valid_until_ = Duration(0);
  tasks_.spawn(look_at_holder());
}

void Lease::lose(base::Error error) {
  if (lost_) return;
  if (error.code == ErrorCode::kFenced) base::log_error("lease: lost: " + error.message);
  lost_ = std::move(error);
  settled_.notify_all();
  wanted_changed_.notify_all();
  for (LeaseListener* listener : listeners_) listener->lease_lost(*lost_);
  if (on_lost_) on_lost_();
}

// --- giving it back

Task<Status> Lease::release() {
  co_await stop_and_join();
  if (lost_) co_return std::unexpected(*lost_);
  LeaseRow next = row_;
  ++next.counter;
  next.state = LeaseState::kReleased;
  valid_until_ = Duration(0);
  co_return co_await commit(std::move(next), {});
}

Task<void> Lease::stop_and_join() {
  tasks_.request_stop();
  wanted_changed_.notify_all();
  settled_.notify_all();
  co_await tasks_.stop_and_join();
}

}  // namespace thalweg::metadata
