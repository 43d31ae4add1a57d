#include "streamcore/object_store/s3/list_page.h"

#include <charconv>
#include <string>
#include <utility>

#include "streamcore/object_store/s3/xml_text.h"

namespace thalweg::object_store::s3 {

namespace {

std::unexpected<base::Error> refused(const char* why) {
  return base::fail(base::ErrorCode::kUnavailable, std::string("the listing ") + why);
}

}  // namespace

std::optional<uint64_t> parse_number(std::string_view text) {
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || text.empty()) return std::nullopt;
  return value;
}

base::Result<ListPage> parse_list_page(std::string_view xml, std::string_view key_prefix,
                                       std::string_view start_after) {
  const std::string truncated = element_text(xml, "IsTruncated");
  if (truncated != "true" && truncated != "false") return refused("is none");
  ListPage page{.objects = {}, .more = truncated == "true"};
  while (const auto contents = take_element(xml, "Contents")) {
    std::string key = element_text(*contents, "Key");
    const auto size = parse_number(element_text(*contents, "Size"));
    if (key.empty() || !key.starts_with(key_prefix) || !size) {
      return refused("has an entry without key or size");
    }
    key.erase(0, key_prefix.size());
    const bool first = page.objects.empty();
    if (first ? !start_after.empty() && key <= start_after : key <= page.objects.back().key) {
      return refused("is not in order");
    }
    page.objects.push_back({.key = std::move(key), .size = *size});
  }
  if (page.more && page.objects.empty()) return refused("has no end");
  return page;
}

}  // namespace thalweg::object_store::s3
