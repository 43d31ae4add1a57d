// object_key: which strings are keys, the same for every backend.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "streamcore/base/result.h"

namespace thalweg::object_store {

inline constexpr size_t kKeyBytesMax = 1024;
// A part between slashes is a file name in a local store: 255 bytes there, less a mark of its own.
inline constexpr size_t kKeyPartBytesMax = 250;

// kInvalidArgument unless `key` is 1..1024 bytes of [A-Za-z0-9._/-], its parts 1..250 bytes and
// neither
// "." nor "..".
base::Status check_key(std::string_view key);

}  // namespace thalweg::object_store
