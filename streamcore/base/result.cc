#include "streamcore/base/result.h"

namespace thalweg::base {

const char* to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument: return "invalid argument";
    case ErrorCode::kNotFound: return "not found";
    case ErrorCode::kAlreadyExists: return "already exists";
    case ErrorCode::kConditionFailed: return "condition failed";
    case ErrorCode::kOutOfRange: return "out of range";
    case ErrorCode::kTooLarge: return "too large";
    case ErrorCode::kNoSpace: return "no space";
    case ErrorCode::kUnknownOutcome: return "unknown outcome";
    case ErrorCode::kUnavailable: return "unavailable";
    case ErrorCode::kCorrupt: return "corrupt";
    case ErrorCode::kFenced: return "fenced";
    case ErrorCode::kClosed: return "closed";
    case ErrorCode::kUnsupported: return "unsupported";
  }
  return "?";
}

}  // namespace thalweg::base
