#include "streamcore/metadata/ordered_state.h"

#include <utility>

#include "streamcore/base/check.h"

namespace thalweg::metadata {

OrderedState::~OrderedState() { CHECK(frozen_ == nullptr); }

bool OrderedState::holds(const Condition& condition) const {
  const auto row = rows_.find(condition.key);
  if (!condition.value) return row == rows_.end();
  return row != rows_.end() && row->second == *condition.value;
}

void OrderedState::write(const Write& write) {
  if (frozen_ != nullptr) frozen_->before_write(write.key);
  if (write.value) {
    rows_.insert_or_assign(write.key, *write.value);
  } else {
    rows_.erase(write.key);
  }
}

bool OrderedState::apply(const Transaction& transaction) {
  for (const Condition& condition : transaction.conditions) {
    if (!holds(condition)) return false;
  }
  for (const Write& each : transaction.writes) write(each);
  return true;
}

void OrderedState::apply(const LogEntry& entry, LogPosition slot, uint64_t slots) {
  const IncarnationRow* seen = incarnation(entry.incarnation);
  if (seen != nullptr && entry.counter <= seen->last_counter) return;
  if (seen == nullptr && !entry.incarnation.may_begin_in(slot, slots)) return;
  for (const IncarnationId& id : entry.retired) {
    const auto row = incarnations_.find(id);
    if (row != incarnations_.end() && row->second.is_old(id, slot, slots)) incarnations_.erase(row);
  }
  IncarnationRow row{.last_counter = entry.counter, .last_slot = slot, .held = {}};
  row.held.reserve(entry.transactions.size());
  for (const Transaction& transaction : entry.transactions) row.held.push_back(apply(transaction));
  incarnations_.insert_or_assign(entry.incarnation, std::move(row));
}

std::optional<std::string> OrderedState::get(std::string_view key) const {
  const auto row = rows_.find(key);
  if (row == rows_.end()) return std::nullopt;
  return row->second;
}

std::vector<KeyValue> OrderedState::scan(std::string_view prefix, std::string_view start_after,
                                         size_t limit) const {
  std::vector<KeyValue> found;
  auto row = start_after < prefix || start_after.empty() ? rows_.lower_bound(prefix)
                                                         : rows_.upper_bound(start_after);
  for (; row != rows_.end() && found.size() < limit && row->first.starts_with(prefix); ++row) {
    found.push_back({row->first, row->second});
  }
  return found;
}

const IncarnationRow* OrderedState::incarnation(IncarnationId id) const {
  const auto row = incarnations_.find(id);
  return row == incarnations_.end() ? nullptr : &row->second;
}

bool OrderedState::append_row(std::string key, std::string value) {
  if (!rows_.empty() && rows_.rbegin()->first >= key) return false;
  rows_.emplace_hint(rows_.end(), std::move(key), std::move(value));
  return true;
}

void OrderedState::set_incarnation(IncarnationId id, IncarnationRow row) {
  incarnations_.insert_or_assign(id, std::move(row));
}

FrozenState::FrozenState(OrderedState& state)
    : state_(&state), row_count_(state.rows_.size()), incarnations_(state.incarnations_) {
  CHECK(state.frozen_ == nullptr);
  state.frozen_ = this;
}

FrozenState::~FrozenState() { state_->frozen_ = nullptr; }

void FrozenState::before_write(const std::string& key) {
  if (last_ && key <= *last_) return;
  before_.try_emplace(key, state_->get(key));
}

bool FrozenState::next(size_t bytes,
                       const std::function<void(std::string_view, std::string_view)>& visit) {
  auto row = last_ ? state_->rows_.upper_bound(*last_) : state_->rows_.begin();
  const auto end = state_->rows_.end();
  for (size_t visited = 0; visited < bytes;) {
    const auto old = before_.begin();
    if (row == end && old == before_.end()) return false;
    // A changed row counts as it was; the value it has now, or that it is new, belongs to later.
    if (old != before_.end() && (row == end || old->first <= row->first)) {
      if (row != end && old->first == row->first) ++row;
      last_ = old->first;
      if (old->second) {
        visit(*last_, *old->second);
        visited += last_->size() + old->second->size();
      }
      before_.erase(old);
      continue;
    }
    last_ = row->first;
    visit(row->first, row->second);
    visited += row->first.size() + row->second.size();
    ++row;
  }
  return true;
}

}  // namespace thalweg::metadata
