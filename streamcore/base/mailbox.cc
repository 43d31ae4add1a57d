#include "streamcore/base/mailbox.h"

#include <utility>

#include "streamcore/base/check.h"

namespace thalweg::base {

bool Mailbox::push(Callback callback) {
  const std::lock_guard lock(mutex_);
  callbacks_.push_back(std::move(callback));
  return callbacks_.size() == 1;
}

void Mailbox::take_all(std::vector<Callback>& into) {
  CHECK(into.empty());
  const std::lock_guard lock(mutex_);
  callbacks_.swap(into);
}

}  // namespace thalweg::base
