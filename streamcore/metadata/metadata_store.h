// MetadataStore: a small ordered key-value store with conditional transactions. Never on the append
// path.
//
// commit() is linearizable and all-or-nothing; get() and scan() see every transaction that was
// acknowledged before they began. A transaction is at most kTransactionBytesMax encoded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "streamcore/base/result.h"
#include "streamcore/base/task.h"

namespace thalweg::metadata {

inline constexpr size_t kTransactionBytesMax = 4 << 20;

struct KeyValue {
  std::string key;
  std::string value;
  friend bool operator==(const KeyValue&, const KeyValue&) = default;
};

// Holds if the key has exactly this value, or, without one, if the key is absent.
struct Condition {
  std::string key;
  std::optional<std::string> value;
  friend bool operator==(const Condition&, const Condition&) = default;
};

// Sets the key, or, without a value, erases it.
struct Write {
  std::string key;
  std::optional<std::string> value;
  friend bool operator==(const Write&, const Write&) = default;
};

struct Transaction {
  std::vector<Condition> conditions;
  std::vector<Write> writes;

  Transaction& require(std::string key, std::optional<std::string> value) {
    conditions.push_back({std::move(key), std::move(value)});
    return *this;
  }
  Transaction& set(std::string key, std::string value) {
    writes.push_back({std::move(key), std::move(value)});
    return *this;
  }
  Transaction& erase(std::string key) {
    writes.push_back({std::move(key), std::nullopt});
    return *this;
  }
};

class MetadataStore {
 public:
  virtual ~MetadataStore() = default;

  virtual base::Task<base::Result<std::optional<std::string>>> get(std::string key) = 0;
  // Keys that start with `prefix` and are greater than `start_after` (empty: from the first),
  // ascending, at most `limit`.
  virtual base::Task<base::Result<std::vector<KeyValue>>> scan(std::string prefix,
                                                               std::string start_after,
                                                               size_t limit) = 0;
  // Errors: kConditionFailed (nothing was done; answered from the applied log, never from a guess),
  // kTooLarge, kUnknownOutcome, kNoSpace (nothing was done), kClosed.
  virtual base::Task<base::Status> commit(Transaction transaction) = 0;
};

}  // namespace thalweg::metadata
