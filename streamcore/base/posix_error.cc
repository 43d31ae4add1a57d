#include "streamcore/base/posix_error.h"

#include <system_error>

namespace thalweg::base {

namespace {

ErrorCode code_of(int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT: return ErrorCode::kNoSpace;
    case ENOENT: return ErrorCode::kNotFound;
    case EEXIST: return ErrorCode::kAlreadyExists;
    case ENAMETOOLONG:
    case ENOTDIR:
    case EISDIR:
    case EFBIG: return ErrorCode::kInvalidArgument;
    default: return ErrorCode::kUnavailable;
  }
}

}  // namespace

Error posix_error(int error_number, std::string_view call, std::string_view path) {
  std::string message(call);
  message.append(" ").append(path).append(": ");
  message += std::generic_category().message(error_number);
  return Error{code_of(error_number), std::move(message)};
}

}  // namespace thalweg::base
