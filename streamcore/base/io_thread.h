// IoThreads: threads that run blocking calls for coroutines. The one place in streamcore with
// threads of its own.
//
// A job lives in the frame of the coroutine that waits for it (nothing is allocated to queue one);
// run() does the call on an I/O thread and then posts the coroutine's resumption to its executor.
// Jobs of one IoThreads start in the order they were submitted. Destroying it runs what is queued
// first, then joins.
#pragma once

#include <atomic>
#include <condition_variable>
#include <coroutine>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "streamcore/base/bytes.h"
#include "streamcore/base/check.h"
#include "streamcore/base/executor.h"

namespace thalweg::base {

inline constexpr size_t kBounceBytes = 1 << 20;

// What each I/O thread keeps between jobs: an aligned buffer, allocated when first asked for.
class IoScratch {
 public:
  MutableByteView bounce() {
    if (!buffer_) buffer_ = Buffer::allocate(kBounceBytes);
    return {buffer_.data(), kBounceBytes};
  }

 private:
  Buffer buffer_;
};

class IoJob {
 public:
  IoJob() = default;
  IoJob(const IoJob&) = delete;
  IoJob& operator=(const IoJob&) = delete;
  // On an I/O thread. The job may be gone as soon as its coroutine was posted.
  virtual void run(IoScratch& scratch) = 0;

 protected:
  ~IoJob() = default;

 private:
  friend class IoThreads;
  IoJob* next_ = nullptr;
};

class IoThreads {
 public:
  // With other runnable threads an ordinary one that wakes waits out a whole tick: 4 ms instead of
  // 0.1 ms for a small synced write. kPrompt runs as soon as it is woken (SCHED_FIFO, or else as
  // kSoon), kSoon asks for short slices, which the scheduler lets run earlier. All may be refused.
  enum class Scheduling { kOrdinary, kSoon, kPrompt };

  // `name`: at most 15 characters, as the kernel shows it.
  IoThreads(std::string name, size_t threads, Scheduling scheduling);
  IoThreads(const IoThreads&) = delete;
  IoThreads& operator=(const IoThreads&) = delete;
  ~IoThreads();

  // Any thread. `job` stays where it is until it ran.
  void submit(IoJob& job);

 private:
  void serve();
  IoJob* next_job();

  std::mutex mutex_;
  std::condition_variable wake_;
  IoJob* first_ = nullptr;
  IoJob* last_ = nullptr;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

// co_await run_on(threads, executor, work): the value of work(IoScratch&), run on one of `threads`;
// the coroutine goes on on `executor`. Its frame must live until then.
template <class Work>
auto run_on(IoThreads& threads, Executor& executor, Work work) {
  using Value = std::invoke_result_t<Work&, IoScratch&>;
  struct Awaiter final : IoJob {
    IoThreads& threads;
    Executor& executor;
    Work work;
    std::coroutine_handle<> handle;
    std::optional<Value> value;
    std::atomic<bool> running = false;

    Awaiter(IoThreads& t, Executor& e, Work w) : threads(t), executor(e), work(std::move(w)) {}
    ~Awaiter() { CHECK_MSG(!running.load(), "a frame was destroyed under an I/O call"); }
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> awaiter) {
      handle = awaiter;
      running.store(true, std::memory_order_relaxed);
      threads.submit(*this);
    }
    Value await_resume() { return std::move(*value); }
    void run(IoScratch& scratch) override {
      value.emplace(work(scratch));
      Executor& target = executor;
      const std::coroutine_handle<> waiting = handle;
      running.store(false, std::memory_order_release);
      target.post([waiting] { waiting.resume(); });
    }
  };
  return Awaiter(threads, executor, std::move(work));
}

}  // namespace thalweg::base
