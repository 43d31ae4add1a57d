#include "streamcore/metadata/log_boundary.h"

#include <algorithm>

namespace thalweg::metadata {

base::Task<base::Status> LogBoundary::refresh() {
  const auto found = CO_TRY(co_await list_positions(store_, kBoundaryPrefix, known_));
  if (!found.empty()) known_ = std::max(known_, found.back());
  co_return base::Status{};
}

base::Task<base::Status> LogBoundary::publish(LogPosition n) {
  // The name says everything; one byte, because not every store keeps empty objects.
  std::vector<base::ByteView> body;
  body.push_back(base::as_bytes("b"));
  const auto put = co_await store_.put_if_absent(object_name(kBoundaryPrefix, n), std::move(body));
  if (put) {
    known_ = std::max(known_, n);
    co_return base::Status{};
  }
  if (put.error().code != base::ErrorCode::kUnknownOutcome) co_return std::unexpected(put.error());
  CO_TRY(co_await refresh());
  if (known_ >= n) co_return base::Status{};
  co_return std::unexpected(put.error());
}

base::Task<base::Status> LogBoundary::remove_old() {
  const auto all = CO_TRY(co_await list_positions(store_, kBoundaryPrefix, LogPosition(0)));
  std::vector<std::string> old;
  for (size_t i = 0; i + kBoundariesKept < all.size(); ++i) {
    old.push_back(object_name(kBoundaryPrefix, all[i]));
  }
  co_return co_await store_.remove_all(std::move(old));
}

}  // namespace thalweg::metadata
