#include "kafka_protocol/server/asio_executor.h"

#include <boost/asio/post.hpp>
#include <utility>

#include "kafka_protocol/server/event_loop.h"
#include "streamcore/base/check.h"

namespace thalweg::server {

namespace {

thread_local const AsioExecutor* current_executor = nullptr;

// What coroutines posting to their own executor may run before the kernel is polled again.
constexpr int kLocalRoundsPerTurn = 16;

}  // namespace

AsioExecutor::AsioExecutor() : loop_(std::make_unique<Loop>()) {}
AsioExecutor::~AsioExecutor() = default;

void AsioExecutor::run() {
  CHECK(current_executor == nullptr);
  current_executor = this;
  while (!loop_->stopped.load(std::memory_order_acquire)) loop_->run_turn();
  current_executor = nullptr;
}

void AsioExecutor::stop() {
  loop_->stopped.store(true, std::memory_order_release);
  boost::asio::post(loop_->io, [] {});
}

void AsioExecutor::post(base::Callback callback) {
  if (is_current()) {
    loop_->local.push_back(std::move(callback));
  } else if (loop_->mailbox.push(std::move(callback))) {
    boost::asio::post(loop_->io, [] {});
  }
}

base::TimerId AsioExecutor::run_after(base::Duration delay, base::Callback callback) {
  CHECK(is_current());
  return loop_->timers.add(now() + delay, std::move(callback));
}

bool AsioExecutor::cancel(base::TimerId timer) {
  CHECK(is_current());
  return loop_->timers.cancel(timer);
}

base::TimePoint AsioExecutor::now() { return std::chrono::steady_clock::now(); }

bool AsioExecutor::is_current() const { return current_executor == this; }

void AsioExecutor::Loop::run_turn() {
  run_mail();
  run_timers();
  int rounds = 0;
  while (run_local() && ++rounds < kLocalRoundsPerTurn) {
  }
  arm_alarm();
  poll(/*may_block=*/local.empty());
}

bool AsioExecutor::Loop::run_local() {
  if (local.empty()) return false;
  running.swap(local);
  for (base::Callback& callback : running) {
    callback();
    callback = nullptr;
  }
  running.clear();
  return true;
}

void AsioExecutor::Loop::run_mail() {
  mailbox.take_all(mail);
  for (base::Callback& callback : mail) {
    callback();
    callback = nullptr;
  }
  mail.clear();
}

void AsioExecutor::Loop::run_timers() {
  if (timers.size() == 0) return;
  const base::TimePoint now = std::chrono::steady_clock::now();
  while (auto callback = timers.take_due(now)) (*callback)();
}

// The alarm only ends the poll; run_timers() runs the callbacks. An alarm set for an earlier, since
// cancelled timer is left alone: one needless wake-up is cheaper than a system call for each
// change.
void AsioExecutor::Loop::arm_alarm() {
  const auto earliest = timers.earliest();
  if (!earliest || *earliest >= alarm_at) return;
  alarm_at = *earliest;
  alarm.expires_at(alarm_at);
  alarm.async_wait([this](const boost::system::error_code& error) {
    if (!error) alarm_at = base::TimePoint::max();
  });
}

void AsioExecutor::Loop::poll(bool may_block) {
  if (may_block) io.run_one();
  io.poll();
}

}  // namespace thalweg::server
