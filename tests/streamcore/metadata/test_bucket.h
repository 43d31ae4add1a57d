// Bucket: what several nodes share in a test, and its faults. BucketClient: one node's way to it,
// on its own executor.
//
// A request takes effect at a random moment between its call and its answer. A put that is "late"
// answers unknown and arrives at some later request, of whomever. Everything is a function of the
// bucket's seed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "streamcore/base/executor.h"
#include "streamcore/base/random.h"
#include "streamcore/object_store/object_store.h"

namespace thalweg::metadata {

enum class PutFault { kNone, kLost, kLate, kAnswerLost, kNoSpace, kDamaged, kEnded };

class Bucket {
 public:
  explicit Bucket(uint64_t seed) : random_(seed) {}

  std::map<std::string, std::string> objects;
  std::vector<std::pair<std::string, std::string>> late;
  std::function<PutFault(std::string_view key)> put_fault;
  std::function<bool(std::string_view key)> read_fails;  // get, head and list of this key or prefix
  std::function<bool(std::string_view key)> read_damaged;    // a bit of what get answers
  std::function<std::string(std::string_view key)> read_as;  // the key whose bytes get answers
  uint64_t requests = 0;
  uint64_t delay_steps_max = 3;

  base::Random& random() { return random_; }
  size_t count(std::string_view prefix) const;
  bool put(const std::string& key, std::string bytes) {
    return objects.emplace(key, std::move(bytes)).second;
  }
  // Some of the late puts arrive.
  void land_late();
  void flip_bit(const std::string& key, size_t bit);

 private:
  base::SeededRandom random_;
};

class BucketClient final : public object_store::ObjectStore {
 public:
  BucketClient(base::Executor& executor, Bucket& bucket) : executor_(executor), bucket_(bucket) {}

  base::Task<base::Result<object_store::PutOutcome>> put_if_absent(std::string key,
                                                                   base::Parts parts) override;
  base::Task<base::Result<base::Slice>> get(std::string key,
                                            std::optional<object_store::ByteRange> range) override;
  base::Task<base::Result<object_store::ObjectInfo>> head(std::string key) override;
  base::Task<base::Status> remove(std::string key) override;
  base::Task<base::Result<object_store::ListPage>> list(std::string prefix,
                                                        std::string start_after) override;

 private:
  base::Task<void> travel();
  base::Status read_status(const std::string& key);
  base::Result<base::Slice> read(const std::string& key,
                                 std::optional<object_store::ByteRange> range);
  base::Result<object_store::PutOutcome> store(const std::string& key, std::string bytes);

  base::Executor& executor_;
  Bucket& bucket_;
};

}  // namespace thalweg::metadata
