#include "streamcore/object_store/s3/xml_text.h"

#include <array>
#include <charconv>
#include <utility>

namespace thalweg::object_store::s3 {

namespace {

constexpr std::array<std::pair<std::string_view, char>, 5> kEntities = {
    {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}}};

// Of a code point below 128; others stay as they were written.
std::optional<char> character(std::string_view entity) {
  for (const auto& [name, value] : kEntities) {
    if (entity == name) return value;
  }
  if (!entity.starts_with('#')) return std::nullopt;
  entity.remove_prefix(1);
  const bool hex = entity.starts_with('x');
  if (hex) entity.remove_prefix(1);
  unsigned code = 0;
  const char* end = entity.data() + entity.size();
  const auto [stop, error] = std::from_chars(entity.data(), end, code, hex ? 16 : 10);
  if (error != std::errc() || stop != end || code > 127) return std::nullopt;
  return static_cast<char>(code);
}

std::string unescape(std::string_view text) {
  std::string plain;
  while (!text.empty()) {
    const size_t start = std::min(text.find('&'), text.size());
    plain += text.substr(0, start);
    text.remove_prefix(start);
    if (text.empty()) break;
    const size_t end = text.find(';');
    const auto value =
        end == std::string_view::npos ? std::nullopt : character(text.substr(1, end - 1));
    plain += value ? *value : '&';
    text.remove_prefix(value ? end + 1 : 1);
  }
  return plain;
}

}  // namespace

std::optional<std::string_view> take_element(std::string_view& xml, std::string_view name) {
  const std::string opening = "<" + std::string(name) + ">";
  const std::string closing = "</" + std::string(name) + ">";
  const size_t start = xml.find(opening);
  if (start == std::string_view::npos) return std::nullopt;
  const std::string_view rest = xml.substr(start + opening.size());
  const size_t length = rest.find(closing);
  if (length == std::string_view::npos) return std::nullopt;
  xml = rest.substr(length + closing.size());
  return rest.substr(0, length);
}

std::string element_text(std::string_view xml, std::string_view name) {
  const auto element = take_element(xml, name);
  return element ? unescape(*element) : std::string();
}

}  // namespace thalweg::object_store::s3
