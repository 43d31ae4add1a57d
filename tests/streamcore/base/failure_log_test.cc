#include "streamcore/base/failure_log.h"

#include <gtest/gtest.h>

#include "tests/streamcore/base/log_lines.h"

namespace thalweg::base {
namespace {

TEST(FailureLog, TellsOfAnOutageWhenItBeginsAndWhenItEnds) {
  FailureLog log("offload");
  log.worked();
  log.failed("no answer");
  log.failed("no answer either");
  EXPECT_EQ(count_log_lines("offload"), 1);
  EXPECT_EQ(take_log_lines(LogLevel::kWarn, "offload fails: no answer"), 1);
  log.worked();
  log.worked();
  EXPECT_EQ(count_log_lines("offload"), 1);
  EXPECT_EQ(take_log_lines(LogLevel::kInfo, "offload works again"), 1);
}

TEST(FailureLog, TheNextOutageIsToldToo) {
  FailureLog log("offload");
  log.failed("no answer");
  log.worked();
  log.failed("no space");
  EXPECT_EQ(count_log_lines("offload fails: no space"), 1);
}

}  // namespace
}  // namespace thalweg::base
