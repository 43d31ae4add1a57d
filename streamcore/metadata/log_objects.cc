#include "streamcore/metadata/log_objects.h"

#include <charconv>
#include <utility>

namespace thalweg::metadata {

namespace {
constexpr size_t kDigits = 20;
}

std::string object_name(std::string_view prefix, LogPosition n) {
  const std::string digits = std::to_string(n.value);
  std::string name(prefix);
  name.append(kDigits - digits.size(), '0');
  return name + digits;
}

std::optional<LogPosition> parse_object_name(std::string_view prefix, std::string_view name) {
  if (!name.starts_with(prefix) || name.size() != prefix.size() + kDigits) return std::nullopt;
  uint64_t n = 0;
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + prefix.size(), end, n);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return LogPosition(n);
}

base::Task<base::Result<std::vector<LogPosition>>> list_positions(object_store::ObjectStore& store,
                                                                  std::string_view prefix,
                                                                  LogPosition after) {
  std::vector<LogPosition> found;
  std::string start_after = object_name(prefix, after);
  while (true) {
    auto page = CO_TRY(co_await store.list(std::string(prefix), start_after));
    for (const object_store::ObjectInfo& object : page.objects) {
      if (const auto n = parse_object_name(prefix, object.key)) found.push_back(*n);
    }
    if (!page.more || page.objects.empty()) break;
    start_after = page.objects.back().key;
  }
  co_return found;
}

}  // namespace thalweg::metadata
