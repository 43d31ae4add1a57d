// The log: one line per event, `key=value` after the message. spdlog stays behind log.cc.
//
// An error-level line in a test fails it unless the test expects that line
// (tests/streamcore/base/log_lines.h).
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace thalweg::base {

enum class LogLevel { kDebug, kInfo, kWarn, kError };

void log(LogLevel level, std::string_view message);
inline void log_debug(std::string_view m) { log(LogLevel::kDebug, m); }
inline void log_info(std::string_view m) { log(LogLevel::kInfo, m); }
inline void log_warn(std::string_view m) { log(LogLevel::kWarn, m); }
inline void log_error(std::string_view m) { log(LogLevel::kError, m); }

// Lines below `level` are dropped. Set by main before any thread starts.
void set_log_level(LogLevel level);
// Everything goes here instead of standard error; an empty function restores that. For tests.
void set_log_sink(std::function<void(LogLevel, std::string_view)> sink);

}  // namespace thalweg::base
