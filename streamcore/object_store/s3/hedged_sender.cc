#include "streamcore/object_store/s3/hedged_sender.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "streamcore/object_store/s3/s3_answer.h"

namespace thalweg::object_store::s3 {

using base::ErrorCode;

namespace {

// Sets an event at a time, of which there is one.
class Alarm {
 public:
  Alarm(base::Executor& executor, base::Event& event) : executor_(executor), event_(event) {}
  ~Alarm() { set(std::nullopt); }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  void set(std::optional<base::TimePoint> at) {
    if (timer_ != 0) executor_.cancel(std::exchange(timer_, 0));
    if (!at) return;
    timer_ = executor_.run_after(std::max(*at - executor_.now(), base::Duration(0)), [this] {
      timer_ = 0;
      event_.set();
    });
  }

 private:
  base::Executor& executor_;
  base::Event& event_;
  base::TimerId timer_ = 0;
};

}  // namespace

struct HedgedSender::Call {
  ~Call() {
    for (const auto& given_up : tries) count(*given_up);
  }
  void count(const HttpTransfer& ended) const {
    counts.sent_bytes += ended.sent_bytes();
    counts.received_bytes += ended.received_bytes();
  }

  HttpRequest request;
  const base::TimePoint deadline;
  AnswerTimes* const times;  // null: sent once
  RequestCounts::Kind& counts;
  base::Event changed;
  std::vector<std::unique_ptr<HttpTransfer>> tries{};  // that have not ended, the newest last
  int started = 1;
  bool may_hedge = true;
  base::TimePoint not_before{};  // is it tried again
  base::Result<HttpResponse> error{};
};

base::Task<base::Result<HttpResponse>> HedgedSender::send(HttpRequest request,
                                                          std::optional<AnswerClass> kind,
                                                          RequestCounts::Kind& counts) {
  const base::TimePoint deadline = executor_.now() + request.time_max;
  Call call{.request = std::move(request),
            .deadline = deadline,
            .times = kind ? &times_[static_cast<size_t>(*kind)] : nullptr,
            .counts = counts,
            .changed = base::Event(executor_)};
  call.tries.push_back(co_await http_.start(call.request, call.changed));
  ++counts.requests;
  Alarm alarm(executor_, call.changed);
  for (;;) {
    call.changed.reset();
    if (auto ended = outcome(call)) co_return std::move(*ended);
    const auto due = next_try(call);
    if (due && *due <= executor_.now()) co_await try_again(call);
    alarm.set(next_try(call));
    co_await call.changed.wait();
  }
}

// An answer that settles the call, or the last error when nothing is under way any more.
std::optional<base::Result<HttpResponse>> HedgedSender::outcome(Call& call) {
  for (auto at = call.tries.begin(); at != call.tries.end();) {
    if (!(*at)->ended()) {
      ++at;
      continue;
    }
    const std::unique_ptr<HttpTransfer> ended = std::move(*at);
    at = call.tries.erase(at);
    call.count(*ended);
    base::Result<HttpResponse> result = ended->result();
    if (result && !may_repeat(*result)) {
      note_times(call, *ended);
      return result;
    }
    if (result && asks_to_slow_down(*result)) call.may_hedge = false;
    call.error = std::move(result);
  }
  if (!call.tries.empty()) return std::nullopt;
  // Another attempt may have sent it when it was sound.
  const bool corrupt = !call.error && call.error.error().code == ErrorCode::kCorrupt;
  if (corrupt && call.started > 1) call.error.error().code = ErrorCode::kUnavailable;
  return std::move(call.error);
}

// Of those given up it is known that they take longer than this.
void HedgedSender::note_times(Call& call, const HttpTransfer& answered) {
  if (call.times == nullptr) return;
  if (const auto waited = answered.answered_after()) call.times->note(*waited);
  for (const auto& other : call.tries) {
    const base::Duration so_far = executor_.now() - other->quiet_since();
    call.times->note(other->answered_after().value_or(so_far));
  }
}

// Once the newest attempt has waited long enough, unless the answer to any has begun.
std::optional<base::TimePoint> HedgedSender::next_try(const Call& call) const {
  if (call.times == nullptr || !call.may_hedge || call.started >= limits_.tries_max) {
    return std::nullopt;
  }
  for (const auto& one : call.tries) {
    if (one->answered_after()) return std::nullopt;
  }
  const base::Duration patience = call.times->patience(limits_);
  return std::max(call.tries.back()->quiet_since() + patience, call.not_before);
}

base::Task<void> HedgedSender::try_again(Call& call) {
  call.not_before = executor_.now() + limits_.patience_min;
  call.request.time_max = call.deadline - executor_.now();
  if (!http_.has_free_connection() || !budget_.take_hedge()) co_return;
  call.tries.push_back(co_await http_.start(call.request, call.changed));
  ++call.started;
  ++call.counts.requests;
  ++call.counts.hedges;
}

}  // namespace thalweg::object_store::s3
