// Mailbox: the only crossing between threads. Any thread puts callbacks in; the owning thread takes
// them all at once.
//
// Owned by one executor. The callbacks of one sender keep their order. Only the push that finds the
// mailbox empty asks for a wake-up, so a burst costs its receiver one.
#pragma once

#include <mutex>
#include <vector>

#include "streamcore/base/executor.h"

namespace thalweg::base {

class Mailbox {
 public:
  // True if the mailbox was empty: the caller must now wake the owner. Any thread.
  bool push(Callback callback);
  // Swaps the content with `into`, which must be empty; its capacity is used again. Owner's thread.
  void take_all(std::vector<Callback>& into);

 private:
  std::mutex mutex_;
  std::vector<Callback> callbacks_;
};

}  // namespace thalweg::base
