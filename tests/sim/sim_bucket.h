// SimBucket and BucketClient: a bucket of objects that outlives processes, and one process's view
// of it over a network that delays, loses requests and answers, brings other bytes than it was
// given, and lets a request land long after it was given up, even after its process died.
//
// Virtual time goes on from process to process; what is on its way lands before anybody looks next.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "streamcore/base/executor.h"
#include "streamcore/base/random.h"
#include "streamcore/object_store/object_store.h"
#include "tests/sim/faults.h"

namespace thalweg::sim {

class SimBucket {
 public:
  object_store::PutOutcome put(const std::string& key, std::string bytes);
  void put_late(base::TimePoint when, std::string key, std::string bytes);
  // Lets everything land that was due by then.
  void land(base::TimePoint now);
  // Everything on its way lands now.
  void land_all();
  void erase(const std::string& key) { objects_.erase(key); }
  // Loses everything and goes on.
  void wipe() { objects_.clear(); }
  // From now on a put replaces what is there: a store that ignores conditions.
  void ignore_conditions() { conditional_ = false; }
  void damage(const std::string& key, uint64_t bit);

  // By key, as last landed.
  const std::map<std::string, std::string>& objects() const { return objects_; }
  // An object was created while an object of this key was on its way; for tests of what is late.
  uint64_t late_conflicts() const { return late_conflicts_; }
  // What happened to requests to it.
  FaultCounts fired;

 private:
  struct Late {
    std::string key;
    std::string bytes;
  };

  std::map<std::string, std::string> objects_;
  std::multimap<base::TimePoint, Late> late_;
  uint64_t late_conflicts_ = 0;
  bool conditional_ = true;
};

// Chances in a thousand.
struct BucketFaults {
  base::Duration delay_min{0};  // of each request and of each answer
  base::Duration delay_max{0};
  // Of the logarithm of a delay, in hundredths: then most are between those
  // two, and a few in a thousand many times as long, up to kDelayMax.
  uint32_t delay_spread = 0;
  uint32_t lost_request = 0;  // of a put or a delete: never lands, answered unknown
  uint32_t lost_answer = 0;   // lands, answered unknown
  uint32_t late_landing = 0;  // answered unknown, lands within late_max
  base::Duration late_max = std::chrono::seconds(30);
  uint32_t read_failed = 0;  // get, head, list
  uint32_t torn_read = 0;    // a get whose bytes are not all the object's, or too few
  uint32_t slow_down = 0;    // refuses this and all that follows for up to slow_down_max
  base::Duration slow_down_max = std::chrono::milliseconds(500);
  size_t list_page = object_store::kListPageMax;
  bool down = false;   // every request fails
  bool hangs = false;  // no request is answered
};

inline constexpr base::Duration kDelayMax = std::chrono::seconds(30);

class BucketClient final : public object_store::ObjectStore {
 public:
  BucketClient(SimBucket& bucket, base::Executor& executor, base::Random& random)
      : bucket_(bucket), executor_(executor), random_(random) {}

  BucketFaults faults;
  uint64_t puts = 0;
  uint64_t gets = 0;

  base::Task<base::Result<object_store::PutOutcome>> put_if_absent(std::string key,
                                                                   base::Parts parts) override;
  base::Task<base::Result<base::Slice>> get(std::string key,
                                            std::optional<object_store::ByteRange> range) override;
  base::Task<base::Result<object_store::ObjectInfo>> head(std::string key) override;
  base::Task<base::Status> remove(std::string key) override;
  base::Task<base::Result<object_store::ListPage>> list(std::string prefix,
                                                        std::string start_after) override;

 private:
  bool chance(uint32_t permille) { return permille != 0 && random_.below(1000) < permille; }
  // The same, counted.
  bool happens(Fault fault, uint32_t permille);
  base::Duration delay();
  bool refused();
  base::Result<base::Slice> body_of(const std::string& key, std::string_view object,
                                    std::optional<object_store::ByteRange> range);
  // What a get of `range` of an object brings instead.
  std::string damaged(const std::string& key, std::string bytes, object_store::ByteRange range);
  std::string of_another(const std::string& key, std::string bytes, bool of_its_kind,
                         object_store::ByteRange range);
  // The way there or back; an error if the network fails the request on it.
  base::Task<base::Status> travel();
  base::Task<base::Status> ask();

  SimBucket& bucket_;
  base::Executor& executor_;
  base::Random& random_;
  base::TimePoint slow_until_{};
};

}  // namespace thalweg::sim
