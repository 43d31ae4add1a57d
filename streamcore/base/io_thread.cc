#include "streamcore/base/io_thread.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace thalweg::base {

namespace {

// struct sched_attr as the kernel first defined it; the C library has no wrapper.
struct SchedulingAttributes {
  uint32_t size = sizeof(SchedulingAttributes);
  uint32_t policy = SCHED_OTHER;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime_ns = 0;
  uint64_t deadline_ns = 0;
  uint64_t period_ns = 0;
};
static_assert(sizeof(SchedulingAttributes) == 48);

constexpr uint64_t kSliceNs = 100'000;

// Both ways may be refused (privileges, an old kernel); the thread then merely runs later.
void schedule(IoThreads::Scheduling scheduling) {
  if (scheduling == IoThreads::Scheduling::kOrdinary) return;
  const sched_param fifo{.sched_priority = 1};
  if (scheduling == IoThreads::Scheduling::kPrompt &&
      ::sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &fifo) == 0) {
    return;
  }
  SchedulingAttributes attributes;
  attributes.runtime_ns = kSliceNs;
  ::syscall(SYS_sched_setattr, 0, &attributes, 0);
}

// Signals are for the threads that expect them.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace

IoThreads::IoThreads(std::string name, size_t threads, Scheduling scheduling) {
  CHECK_LE(name.size(), 15u);
  CHECK_GE(threads, 1u);
  const SignalsBlocked blocked;
  for (size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this, name, scheduling] {
      ::pthread_setname_np(::pthread_self(), name.c_str());
      schedule(scheduling);
      serve();
    });
  }
}

IoThreads::~IoThreads() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void IoThreads::submit(IoJob& job) {
  {
    const std::lock_guard lock(mutex_);
    CHECK_MSG(!stopping_, "an I/O call after the end");
    (last_ == nullptr ? first_ : last_->next_) = &job;
    last_ = &job;
  }
  wake_.notify_one();
}

IoJob* IoThreads::next_job() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return first_ != nullptr || stopping_; });
  IoJob* const job = first_;
  if (job != nullptr) {
    first_ = job->next_;
    if (first_ == nullptr) last_ = nullptr;
  }
  return job;
}

void IoThreads::serve() {
  IoScratch scratch;
  while (IoJob* const job = next_job()) job->run(scratch);
}

}  // namespace thalweg::base
