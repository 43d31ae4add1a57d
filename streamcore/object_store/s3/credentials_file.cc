#include "streamcore/object_store/s3/credentials_file.h"

#include <algorithm>

namespace thalweg::object_store::s3 {

namespace {

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r";
  const size_t first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

}  // namespace

std::optional<Credentials> credentials_of_profile(std::string_view text, std::string_view profile) {
  Credentials found;
  bool inside = false;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      inside = line.back() == ']' && trim(line.substr(1, line.size() - 2)) == profile;
      continue;
    }
    const size_t separator = line.find('=');
    if (!inside || separator == std::string_view::npos) continue;
    const std::string_view name = trim(line.substr(0, separator));
    const std::string value(trim(line.substr(separator + 1)));
    if (name == "aws_access_key_id") found.access_key_id = value;
    if (name == "aws_secret_access_key") found.secret_access_key = Secret(value);
    if (name == "aws_session_token") found.session_token = Secret(value);
  }
  if (found.access_key_id.empty() || found.secret_access_key.empty()) return std::nullopt;
  return found;
}

}  // namespace thalweg::object_store::s3
