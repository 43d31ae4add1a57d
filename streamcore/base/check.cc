#include "streamcore/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace thalweg::base {

void check_failed(const char* file, int line, const char* what, const std::string& values) {
  std::fprintf(stderr, "CHECK failed at %s:%d: %s%s%s\n", file, line, what,
               values.empty() ? "" : ": ", values.c_str());
  std::fflush(stderr);
  std::abort();
}

}  // namespace thalweg::base
