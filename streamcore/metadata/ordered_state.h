// OrderedState: what the log says so far: the rows by key, and of each incarnation its last counter
// and outcome. A pure function of the entries applied, in order; every node that applied the same
// entries holds the same state.
//
// FrozenState: the rows as they were at one moment, read once from front to back in slices while
// the state goes on changing. It keeps the old value of a row that changes ahead of it, so its cost
// is what was written meanwhile, not a copy of the state. At most one at a time.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "streamcore/metadata/incarnation.h"
#include "streamcore/metadata/log_entry_format.h"
#include "streamcore/metadata/metadata_store.h"

namespace thalweg::metadata {

class FrozenState;

class OrderedState {
 public:
  using Rows = std::map<std::string, std::string, std::less<>>;
  using Incarnations = std::map<IncarnationId, IncarnationRow>;

  OrderedState() = default;
  OrderedState(const OrderedState&) = delete;
  OrderedState& operator=(const OrderedState&) = delete;
  ~OrderedState();

  // All writes if every condition holds, otherwise nothing; says which.
  bool apply(const Transaction& transaction);
  // The transactions in order, remembering their outcomes; nothing if the incarnation's counter was
  // already seen, or it has no row and was drawn more than `slots` slots ago. Of the incarnations
  // it retires only old ones go.
  void apply(const LogEntry& entry, LogPosition slot, uint64_t slots = kIncarnationSlots);

  std::optional<std::string> get(std::string_view key) const;
  // As MetadataStore::scan; O(log rows + result).
  std::vector<KeyValue> scan(std::string_view prefix, std::string_view start_after,
                             size_t limit) const;
  // Null if the incarnation has no entry in the log so far, or was retired.
  const IncarnationRow* incarnation(IncarnationId id) const;

  const Rows& rows() const { return rows_; }
  const Incarnations& incarnations() const { return incarnations_; }
  // For loading a snapshot: rows come in ascending order; false if this one does not.
  bool append_row(std::string key, std::string value);
  void set_incarnation(IncarnationId id, IncarnationRow row);

 private:
  friend class FrozenState;
  bool holds(const Condition& condition) const;
  void write(const Write& write);

  Rows rows_;
  Incarnations incarnations_;
  FrozenState* frozen_ = nullptr;
};

class FrozenState {
 public:
  explicit FrozenState(OrderedState& state);
  FrozenState(const FrozenState&) = delete;
  FrozenState& operator=(const FrozenState&) = delete;
  ~FrozenState();

  size_t row_count() const { return row_count_; }
  const OrderedState::Incarnations& incarnations() const { return incarnations_; }
  // Visits the next rows in key order until `bytes` of keys and values were visited. False when
  // none are left.
  bool next(size_t bytes, const std::function<void(std::string_view, std::string_view)>& visit);

 private:
  friend class OrderedState;
  void before_write(const std::string& key);

  OrderedState* state_;  // outlives this
  size_t row_count_;
  OrderedState::Incarnations incarnations_;
  std::optional<std::string> last_;                           // the last key visited
  std::map<std::string, std::optional<std::string>> before_;  // changed since, ahead of last_
};

}  // namespace thalweg::metadata
