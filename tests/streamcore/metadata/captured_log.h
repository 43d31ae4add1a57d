// CapturedLog: while it lives, the log's lines go here, and an error line that the test did not
// expect fails it.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "streamcore/base/log.h"

namespace thalweg::metadata {

class CapturedLog {
 public:
  CapturedLog() {
    base::set_log_sink([this](base::LogLevel level, std::string_view line) {
      lines_.emplace_back(level, std::string(line));
    });
  }
  CapturedLog(const CapturedLog&) = delete;
  CapturedLog& operator=(const CapturedLog&) = delete;
  ~CapturedLog() {
    base::set_log_sink({});
    for (const auto& [level, line] : lines_) {
      EXPECT_TRUE(level != base::LogLevel::kError) << "unexpected error line: " << line;
    }
  }

  // How many lines of this level contain `text`; they are taken out.
  int take(base::LogLevel level, std::string_view text) {
    return static_cast<int>(std::erase_if(lines_, [&](const auto& line) {
      return line.first == level && line.second.find(text) != std::string::npos;
    }));
  }

 private:
  std::vector<std::pair<base::LogLevel, std::string>> lines_;
};

}  // namespace thalweg::metadata
