// Result<T>: an expected failure is a value (std::expected), a bug is a CHECK.
//
// An ErrorCode exists only where some caller branches on it; everything else is said in the
// message, for people.
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace thalweg::base {

enum class ErrorCode {
  kInvalidArgument,  // the caller's input; nothing was done
  kNotFound,         // no such object, row, stream
  kAlreadyExists,    // put-if-absent lost
  kConditionFailed,  // a transaction's condition did not hold; nothing was done
  kOutOfRange,       // an offset below the trim point or beyond the tail
  kTooLarge,         // past a named limit; nothing was done
  kNoSpace,          // storage is full; nothing was done, may be tried again
  kUnknownOutcome,   // a write may have happened, or may yet; never success, never failure
  kUnavailable,      // a read or a request failed, may be tried again
  kCorrupt,          // data that exists and is wrong; reported, never treated as absent
  kFenced,           // another owner took over; nothing more will be accepted here
  kClosed,           // shutting down
  kUnsupported,      // an unknown version or feature
};

const char* to_string(ErrorCode code);

struct [[nodiscard]] Error {
  ErrorCode code;
  std::string message;
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
  return std::unexpected(Error{code, std::move(message)});
}

}  // namespace thalweg::base

// TRY(expr): the value of a Result, or leave the function with its error. CO_TRY is the same inside
// a coroutine; the expression may contain co_await.
#define THALWEG_TRY_(expr, leave)                                            \
  ({                                                                         \
    auto try_result_ = (expr);                                               \
    if (!try_result_) leave std::unexpected(std::move(try_result_).error()); \
    std::move(try_result_).value();                                          \
  })
#define TRY(...) THALWEG_TRY_((__VA_ARGS__), return)
#define CO_TRY(...) THALWEG_TRY_((__VA_ARGS__), co_return)
