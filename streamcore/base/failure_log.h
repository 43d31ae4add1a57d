// FailureLog: of something that is tried until it works, the log tells when it begins to fail and
// when it works again, and nothing in between: an outage is two lines, however long it is.
#pragma once

#include <string>
#include <utility>

#include "streamcore/base/log.h"

namespace thalweg::base {

class FailureLog {
 public:
  // A singular: "offload" makes "offload fails: ..." and "offload works again".
  explicit FailureLog(std::string what) : what_(std::move(what)) {}

  void failed(const std::string& why) {
    if (!std::exchange(failing_, true)) log_warn(what_ + " fails: " + why);
  }
  void worked() {
    if (std::exchange(failing_, false)) log_info(what_ + " works again");
  }

 private:
  const std::string what_;
  bool failing_ = false;
};

}  // namespace thalweg::base
