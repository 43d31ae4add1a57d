#include "tests/streamcore/base/log_lines.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <mutex>
#include <string>
#include <vector>

namespace thalweg::base {

namespace {

constexpr size_t kLinesShown = 200;  // of a test that failed

struct Line {
  LogLevel level;
  std::string text;
};

class LogLines final : public testing::EmptyTestEventListener {
 public:
  void OnTestStart(const testing::TestInfo&) override {
    {
      const std::lock_guard lock(mutex_);
      lines_.clear();
    }
    set_log_sink([this](LogLevel level, std::string_view text) {
      const std::lock_guard lock(mutex_);
      lines_.push_back({level, std::string(text)});
    });
  }
  void OnTestEnd(const testing::TestInfo& test) override {
    set_log_sink({});
    const std::lock_guard lock(mutex_);
    for (const Line& line : lines_) {
      if (line.level != LogLevel::kError) continue;
      ADD_FAILURE() << "an error line the test does not expect: " << line.text;
    }
    if (!test.result()->Failed()) return;
    const size_t from = lines_.size() > kLinesShown ? lines_.size() - kLinesShown : 0;
    for (size_t i = from; i < lines_.size(); ++i) std::cerr << "log: " << lines_[i].text << "\n";
  }

  int count(std::string_view text) {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(std::ranges::count_if(
        lines_, [&](const Line& line) { return line.text.find(text) != std::string::npos; }));
  }
  int take(LogLevel level, std::string_view text) {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(std::erase_if(lines_, [&](const Line& line) {
      return line.level == level && line.text.find(text) != std::string::npos;
    }));
  }

 private:
  std::mutex mutex_;  // I/O threads log, too
  std::vector<Line> lines_;
};

LogLines* log_lines = nullptr;

}  // namespace

int count_log_lines(std::string_view text) { return log_lines->count(text); }

int take_log_lines(LogLevel level, std::string_view text) { return log_lines->take(level, text); }

void expect_error_line(std::string_view text) {
  EXPECT_GT(take_log_lines(LogLevel::kError, text), 0) << "no error line: " << text;
}

}  // namespace thalweg::base

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  thalweg::base::log_lines = new thalweg::base::LogLines;  // owned by the list of listeners
  testing::UnitTest::GetInstance()->listeners().Append(thalweg::base::log_lines);
  return RUN_ALL_TESTS();
}
