#include "streamcore/metadata/log_collector.h"

#include <utility>

namespace thalweg::metadata {

base::Task<base::Status> LogCollector::collect(base::TaskGroup& group) {
  const auto verified = CO_TRY(co_await snapshots_.newest_two_verified());
  if (verified.size() < 2 || group.stopping()) co_return base::Status{};
  const LogPosition older = verified.back();
  CO_TRY(co_await boundary_.refresh());
  if (older > boundary_.known()) CO_TRY(co_await boundary_.publish(older));
  CO_TRY(co_await remove_entries(boundary_.known(), group));
  if (group.stopping()) co_return base::Status{};
  CO_TRY(co_await snapshots_.remove_before(older));
  co_return co_await boundary_.remove_old();
}

base::Task<base::Status> LogCollector::remove_entries(LogPosition last, base::TaskGroup& group) {
  // From the first name each time: a put that came late may have filled a deleted slot again.
  std::string start_after;
  while (true) {
    const auto page = CO_TRY(co_await store_.list(std::string(kLogPrefix), start_after));
    if (page.objects.empty() || group.stopping()) co_return base::Status{};
    std::vector<std::string> old;
    bool more = page.more;
    for (const object_store::ObjectInfo& object : page.objects) {
      const auto slot = parse_object_name(kLogPrefix, object.key);
      if (!slot) continue;
      more = more && *slot <= last;
      if (*slot <= last) old.push_back(object.key);
    }
    CO_TRY(co_await store_.remove_all(std::move(old)));
    if (!more) co_return base::Status{};
    start_after = page.objects.back().key;
  }
}

}  // namespace thalweg::metadata
