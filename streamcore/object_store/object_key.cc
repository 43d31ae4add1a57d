#include "streamcore/object_store/object_key.h"

#include <algorithm>

namespace thalweg::object_store {

namespace {

bool is_key_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

bool is_key_part(std::string_view part) {
  return !part.empty() && part.size() <= kKeyPartBytesMax && part != "." && part != ".." &&
         std::ranges::all_of(part, is_key_byte);
}

bool is_key(std::string_view key) {
  if (key.empty() || key.size() > kKeyBytesMax) return false;
  while (true) {
    const size_t slash = key.find('/');
    if (!is_key_part(key.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    key.remove_prefix(slash + 1);
  }
}

}  // namespace

base::Status check_key(std::string_view key) {
  if (is_key(key)) return {};
  return base::fail(base::ErrorCode::kInvalidArgument,
                    "bad object key: " + std::string(key.substr(0, kKeyBytesMax)));
}

}  // namespace thalweg::object_store
