// Waiting inside one executor: Event, Semaphore, OneShot. None is thread safe; all waiters live on
// the executor given.
//
// Waiters are resumed through Executor::post, never from inside set() or release(), in the order
// they came. A waiter whose frame is destroyed takes itself out of the list.
#pragma once

#include <coroutine>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <utility>

#include "streamcore/base/check.h"
#include "streamcore/base/executor.h"
#include "streamcore/base/result.h"

namespace thalweg::base {

// WaitQueue: an intrusive FIFO of suspended coroutines, the part the others share.
class WaitQueue {
 public:
  struct Node {
    Node* previous = nullptr;
    Node* next = nullptr;
    WaitQueue* queue = nullptr;
    std::coroutine_handle<> handle;
    Node() = default;
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;
    ~Node() {
      if (queue != nullptr) queue->remove(*this);
    }
  };

  explicit WaitQueue(Executor& executor) : executor_(executor) {}
  WaitQueue(const WaitQueue&) = delete;
  WaitQueue& operator=(const WaitQueue&) = delete;
  ~WaitQueue() {
    while (first_ != nullptr) remove(*first_);
  }

  bool empty() const { return first_ == nullptr; }
  Node* front() const { return first_; }

  void push(Node& node, std::coroutine_handle<> handle) {
    node.handle = handle;
    node.queue = this;
    node.next = nullptr;
    node.previous = last_;
    (last_ == nullptr ? first_ : last_->next) = &node;
    last_ = &node;
  }
  void remove(Node& node) {
    (node.previous == nullptr ? first_ : node.previous->next) = node.next;
    (node.next == nullptr ? last_ : node.next->previous) = node.previous;
    node.previous = node.next = nullptr;
    node.queue = nullptr;
  }
  void wake_front() {
    Node& node = *first_;
    remove(node);
    executor_.post([handle = node.handle] { handle.resume(); });
  }
  void wake_all() {
    while (first_ != nullptr) wake_front();
  }
  // Those for whom `overdue` is true.
  template <class Overdue>
  void wake_if(Overdue overdue) {
    for (Node* node = first_; node != nullptr;) {
      Node& each = *std::exchange(node, node->next);
      if (!overdue(each)) continue;
      remove(each);
      executor_.post([handle = each.handle] { handle.resume(); });
    }
  }
  Executor& executor() { return executor_; }

 private:
  Executor& executor_;
  Node* first_ = nullptr;
  Node* last_ = nullptr;
};

// Event: set once and for all, or reset by hand.
class Event {
 public:
  explicit Event(Executor& executor) : waiters_(executor) {}
  void set() {
    set_ = true;
    waiters_.wake_all();
  }
  void reset() { set_ = false; }
  bool is_set() const { return set_; }

  auto wait() {
    struct Awaiter {
      Event& event;
      WaitQueue::Node node;
      explicit Awaiter(Event& e) : event(e) {}
      bool await_ready() const { return event.set_; }
      void await_suspend(std::coroutine_handle<> handle) { event.waiters_.push(node, handle); }
      void await_resume() const {}
    };
    return Awaiter(*this);
  }

 private:
  WaitQueue waiters_;
  bool set_ = false;
};

// Notifier: a wait that ends at the next notify(); for loops that look again each time.
class Notifier {
 public:
  explicit Notifier(Executor& executor) : waiters_(executor) {}
  void notify_all() { waiters_.wake_all(); }
  bool has_waiters() const { return !waiters_.empty(); }

  auto wait() {
    struct Awaiter {
      Notifier& notifier;
      WaitQueue::Node node;
      explicit Awaiter(Notifier& n) : notifier(n) {}
      bool await_ready() const { return false; }
      void await_suspend(std::coroutine_handle<> handle) { notifier.waiters_.push(node, handle); }
      void await_resume() const {}
    };
    return Awaiter(*this);
  }

 private:
  WaitQueue waiters_;
};

// Semaphore: counted units (bytes, slots), strictly first come first served. A request larger than
// the limit is let through alone once everything else came back, so that one big entry cannot wait
// for ever.
class Semaphore {
 public:
  Semaphore(Executor& executor, uint64_t limit) : waiters_(executor), limit_(limit) {}

  uint64_t limit() const { return limit_; }
  uint64_t used() const { return used_; }
  bool would_wait(uint64_t units) const { return !waiters_.empty() || !fits(units); }

  // Suspends until `units` are taken; false if close() came first.
  auto acquire(uint64_t units) {
    struct Awaiter : Waiter {
      Semaphore& semaphore;
      Awaiter(Semaphore& s, uint64_t n) : semaphore(s) { this->units = n; }
      bool await_ready() {
        if (semaphore.closed_) return true;
        if (semaphore.would_wait(this->units)) return false;
        semaphore.used_ += this->units;
        this->granted = true;
        return true;
      }
      void await_suspend(std::coroutine_handle<> handle) {
        semaphore.waiters_.push(this->node, handle);
      }
      bool await_resume() const { return this->granted; }
    };
    return Awaiter(*this, units);
  }

  void release(uint64_t units) {
    CHECK_GE(used_, units);
    used_ -= units;
    while (!waiters_.empty()) {
      auto& waiter = *reinterpret_cast<Waiter*>(waiters_.front());
      if (!fits(waiter.units)) break;
      used_ += waiter.units;
      waiter.granted = true;
      waiters_.wake_front();
    }
  }
  // Wakes every waiter with nothing granted; later acquires return at once with nothing.
  void close() {
    closed_ = true;
    waiters_.wake_all();
  }

 private:
  struct Waiter {
    WaitQueue::Node node;  // first: a node's address is its waiter's
    uint64_t units = 0;
    bool granted = false;
  };
  bool fits(uint64_t units) const { return used_ == 0 || used_ + units <= limit_; }

  WaitQueue waiters_;
  uint64_t limit_;
  uint64_t used_ = 0;
  bool closed_ = false;
};

// OneShot<T>: one value from one side to any number of waiters (copied out). Shared, because the
// giver and the waiters end in any order.
template <class T>
class OneShot {
 public:
  explicit OneShot(Executor& executor) : ready_(executor) {}
  void set(T value) {
    if (value_.has_value()) return;
    value_.emplace(std::move(value));
    ready_.set();
  }
  bool is_set() const { return value_.has_value(); }
  auto wait() { return ready_.wait(); }
  const T& value() const { return *value_; }

 private:
  Event ready_;
  std::optional<T> value_;
};

}  // namespace thalweg::base
