// The log of the running test. Its lines are kept from the output, shown if it fails, and an
// error-level line that the test did not take fails it: log_lines.cc is the main() of every test
// program.
#pragma once

#include <string_view>

#include "streamcore/base/log.h"

namespace thalweg::base {

// How many of the test's lines so far contain `text`.
int count_log_lines(std::string_view text);
// The same for lines of this level, which are taken out.
int take_log_lines(LogLevel level, std::string_view text);
// The test has logged an error line that contains `text`; all such lines are taken out.
void expect_error_line(std::string_view text);

}  // namespace thalweg::base
