// posix_error: what an errno means to a caller.
#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>

#include "streamcore/base/result.h"

namespace thalweg::base {

// ENOSPC and EDQUOT are kNoSpace, ENOENT kNotFound, EEXIST kAlreadyExists, ENAMETOOLONG and the
// like kInvalidArgument; everything else (EIO ...) is kUnavailable. The message is "<call> <path>:
// <reason>".
Error posix_error(int error_number, std::string_view call, std::string_view path);

inline std::unexpected<Error> fail_errno(std::string_view call, std::string_view path) {
  return std::unexpected(posix_error(errno, call, path));
}

// The call, again for as long as a signal interrupts it.
template <class Call>
auto retry_interrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

}  // namespace thalweg::base
