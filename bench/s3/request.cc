#include "bench/s3/request.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace thalweg::s3_stub {

namespace {

uint64_t number(std::string_view text, uint64_t otherwise) {
  uint64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && stop != text.data() ? value : otherwise;
}

// What stands before the delimiter; the text goes on behind it.
std::string_view take_until(std::string_view& text, std::string_view delimiter) {
  const size_t at = text.find(delimiter);
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + delimiter.size());
  return taken;
}

std::string decoded(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    const bool is_code =
        text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ec == std::errc();
    plain += is_code ? static_cast<char>(value) : text[i];
    if (is_code) i += 2;
  }
  return plain;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

std::optional<Range> parse_range(std::string_view value) {
  constexpr std::string_view kUnit = "bytes=";
  if (!value.starts_with(kUnit)) return std::nullopt;
  value.remove_prefix(kUnit.size());
  const std::string_view first = take_until(value, "-");
  if (first.empty()) return std::nullopt;
  return Range{.first = number(first, 0), .last = number(value, UINT64_MAX)};
}

void take_field(Request& request, std::string_view line) {
  std::string_view value = line;
  const std::string name = lower(take_until(value, ":"));
  while (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "content-length") request.content_length = number(value, 0);
  if (name == "if-none-match") request.if_none_match = value == "*";
  if (name == "range") request.range = parse_range(value);
  if (name.starts_with("x-amz-meta-")) request.user_metadata.append(line).append("\r\n");
}

constexpr std::string_view kEntities[][2] = {
    {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&apos;", "'"}, {"&amp;", "&"}};

}  // namespace

std::optional<Request> parse_request(std::string_view head) {
  Request request;
  std::string_view line = take_until(head, "\r\n");
  request.method = take_until(line, " ");
  std::string_view target = take_until(line, " ");
  if (!line.starts_with("HTTP/1.1") || !target.starts_with('/')) return std::nullopt;
  std::string_view path = take_until(target, "?");
  path.remove_prefix(1);
  request.bucket = decoded(take_until(path, "/"));
  request.key = decoded(path);
  while (!target.empty()) {
    std::string_view value = take_until(target, "&");
    const std::string_view name = take_until(value, "=");
    request.query[decoded(name)] = decoded(value);
  }
  while (!head.empty()) take_field(request, take_until(head, "\r\n"));
  return request;
}

std::vector<std::string> element_texts(std::string_view xml, std::string_view name) {
  std::vector<std::string> texts;
  const std::string open = "<" + std::string(name) + ">";
  const std::string close = "</" + std::string(name) + ">";
  while (take_until(xml, open), !xml.empty()) {
    std::string text(take_until(xml, close));
    for (const auto& [entity, plain] : kEntities) {
      for (size_t at = 0; (at = text.find(entity, at)) != std::string::npos; at += plain.size()) {
        text.replace(at, entity.size(), plain);
      }
    }
    texts.push_back(std::move(text));
  }
  return texts;
}

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const auto* const found =
        std::ranges::find_if(kEntities, [c](const auto& entity) { return entity[1].front() == c; });
    if (found == std::end(kEntities)) {
      result += c;
    } else {
      result += (*found)[0];
    }
  }
  return result;
}

}  // namespace thalweg::s3_stub
