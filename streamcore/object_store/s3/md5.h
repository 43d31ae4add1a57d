// MD5, where S3 wants it: in Content-MD5, and in what its ETags often are.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace thalweg::object_store::s3 {

using Md5 = std::array<uint8_t, 16>;

// Nothing if this machine's OpenSSL knows no MD5.
std::optional<Md5> md5(std::string_view text);

}  // namespace thalweg::object_store::s3
