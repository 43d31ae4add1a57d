#include "tests/sim/linearizability.h"

#include <algorithm>
#include <set>
#include <utility>

#include "streamcore/base/random.h"
#include "tests/sim/trace.h"

namespace thalweg::sim {

namespace {

// More than any history of the simulator takes by orders of magnitude.
constexpr uint64_t kStepsMax = 500'000'000;
constexpr size_t kNone = SIZE_MAX;

// The stream, at one instant of the order that is tried.
class TriedStream {
 public:
  bool right(const Call& call) const {
    switch (call.kind) {
      case CallKind::kAppend: return call.begin == tail();
      case CallKind::kTail: return call.end == tail();
      case CallKind::kRefusal: return call.begin != tail();
      case CallKind::kRead: return holds(call);
    }
    return false;
  }
  void append(const Call& call) { log_.push_back({call.begin, call.end, call.entries.front()}); }
  void undo_append() { log_.pop_back(); }
  Offset tail() const { return log_.empty() ? Offset(0) : log_.back().end; }

 private:
  struct Entry {
    Offset begin;
    Offset end;
    uint64_t operation;
  };

  bool holds(const Call& read) const {
    if (tail() < read.end) return false;
    const auto first = std::ranges::lower_bound(log_, read.begin, {}, &Entry::begin);
    const auto count = static_cast<std::ptrdiff_t>(read.entries.size());
    if (log_.end() - first < count || first->begin != read.begin) return false;
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      if (first[i].operation != read.entries[static_cast<size_t>(i)]) return false;
    }
    return first[count - 1].end == read.end;
  }

  std::vector<Entry> log_;
};

class Search {
 public:
  explicit Search(const std::vector<Call>& history) : history_(history) {
    base::SeededRandom random(1);
    for (size_t i = 0; i < history.size(); ++i) marks_.emplace_back(random.next(), random.next());
    lay_out();
  }

  std::optional<std::string> run() {
    size_t at = next_[0];
    for (uint64_t steps = 0; answers_left_ > 0; ++steps) {
      if (steps == kStepsMax) return "cannot be decided";
      const Event& event = events_[at];
      if (!event.is_answer) {
        at = take(at) ? next_[0] : next_[at];
        continue;
      }
      // Nothing else can come before this answer.
      if (order_.size() >= deepest_) {
        deepest_ = order_.size();
        stuck_ = text(to_string(history_[event.call]), ", when the tail is ", stream_.tail().value);
      }
      const size_t given_up = back();
      if (given_up == kNone) return "no order explains " + stuck_;
      at = next_[given_up];
    }
    return std::nullopt;
  }

 private:
  struct Event {
    uint64_t instant = 0;
    size_t call = 0;
    bool is_answer = false;
  };

  // Events by instant in a list that calls leave as they are put in order. Event 0 is none.
  void lay_out() {
    events_.push_back({});
    for (size_t i = 0; i < history_.size(); ++i) {
      events_.push_back({history_[i].called, i, false});
      if (history_[i].answered == kNeverAnswered) continue;
      events_.push_back({history_[i].answered, i, true});
      ++answers_left_;
    }
    std::ranges::sort(events_.begin() + 1, events_.end(), {}, &Event::instant);
    answer_of_.assign(history_.size(), kNone);
    for (size_t at = 1; at < events_.size(); ++at) {
      if (events_[at].is_answer) answer_of_[events_[at].call] = at;
    }
    for (size_t at = 0; at < events_.size(); ++at) {
      next_.push_back((at + 1) % events_.size());
      last_.push_back((at + events_.size() - 1) % events_.size());
    }
  }
  void unlink(size_t at) {
    next_[last_[at]] = next_[at];
    last_[next_[at]] = last_[at];
  }
  void link(size_t at) { next_[last_[at]] = last_[next_[at]] = at; }

  // Puts the call of this event next in the order, if it is right there and was not tried.
  bool take(size_t at) {
    const size_t number = events_[at].call;
    const Call& call = history_[number];
    if (!stream_.right(call)) return false;
    mark(number);
    if (call.kind == CallKind::kAppend && !tried_.insert(taken_).second) {
      mark(number);
      return false;
    }
    if (call.kind == CallKind::kAppend) stream_.append(call);
    order_.push_back(at);
    unlink(at);
    if (answer_of_[number] != kNone) {
      unlink(answer_of_[number]);
      --answers_left_;
    }
    return true;
  }

  // Takes the last append out of the order again, with what followed: to put off what changes
  // nothing would help nobody. kNone: there is no append left.
  size_t back() {
    while (!order_.empty()) {
      const size_t at = order_.back();
      order_.pop_back();
      const size_t number = events_[at].call;
      if (answer_of_[number] != kNone) {
        link(answer_of_[number]);
        ++answers_left_;
      }
      link(at);
      mark(number);
      if (history_[number].kind != CallKind::kAppend) continue;
      stream_.undo_append();
      return at;
    }
    return kNone;
  }

  // What was taken is told by the sum of random marks; an order of appends follows from the set of
  // them, since each has its one place.
  void mark(size_t number) {
    taken_.first ^= marks_[number].first;
    taken_.second ^= marks_[number].second;
  }

  const std::vector<Call>& history_;
  std::vector<std::pair<uint64_t, uint64_t>> marks_;
  std::vector<Event> events_;
  std::vector<size_t> next_;
  std::vector<size_t> last_;
  std::vector<size_t> answer_of_;  // by call
  size_t answers_left_ = 0;
  TriedStream stream_;
  std::vector<size_t> order_;
  std::pair<uint64_t, uint64_t> taken_{0, 0};
  std::set<std::pair<uint64_t, uint64_t>> tried_;
  size_t deepest_ = 0;
  std::string stuck_;
};

}  // namespace

std::string to_string(const Call& call) {
  const std::string when = call.answered == kNeverAnswered
                               ? text(" called at ", call.called)
                               : text(" called at ", call.called, ", answered at ", call.answered);
  switch (call.kind) {
    case CallKind::kAppend:
      return text("append ", call.entries.front(), " at ", call.begin.value, when);
    case CallKind::kRead: return text("read of ", call.begin.value, "..", call.end.value, when);
    case CallKind::kTail: return text("tail ", call.end.value, when);
    case CallKind::kRefusal: return text("refusal: the tail is not ", call.begin.value, when);
  }
  return "";
}

std::optional<std::string> find_anomaly(const std::vector<Call>& history) {
  return Search(history).run();
}

}  // namespace thalweg::sim
