// ObjectReplica: the chunk log in an object store, as one replica of write-once registers: one zone
// of three, or the only bucket.
//
// A register is one object (chunk_object_format.h), and a put is the store's put-if-absent. Whether
// the store is the one it should be is told by its marker (P8): nothing is answered before the
// marker was read, it is read again now and then while chunks are put, and whenever a recovery
// decides a slot. A store whose marker is gone, or is another's, is lost for this process: it
// answers nothing more, whatever it holds. A store that cannot be reached yet is asked again by
// each call.
//
// Objects that can be seen are durable, so make_durable() has nothing to do. Chunks are removed
// behind the caller, so that a slow store holds up nobody; what could not be removed is tried
// again, and after a restart found by the first removal of each channel. The store and the executor
// outlive it; stop_and_join() comes before the end.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "streamcore/base/executor.h"
#include "streamcore/base/random.h"
#include "streamcore/base/result.h"
#include "streamcore/base/sync.h"
#include "streamcore/base/task.h"
#include "streamcore/base/task_group.h"
#include "streamcore/chunk/chunk_replica.h"
#include "streamcore/object_store/object_store.h"

namespace thalweg::chunk {

struct ObjectReplicaOptions {
  // Makes the marker of a store that has neither marker nor log. Only where metadata has no channel
  // yet; then all of its stores must be reached.
  bool create_if_empty = false;
  // How long open() waits for a store that does not answer; it goes on without.
  base::Duration open_wait = std::chrono::seconds(3);
  // A store that is written to has its marker read again after this time.
  base::Duration check_interval = std::chrono::seconds(10);
  uint32_t removes_max = 1000;  // at a time
  base::Duration remove_retry = std::chrono::seconds(5);
};

class ObjectReplica final : public ChunkReplica {
 public:
  // A store that is not reached, or has no marker, is no error: incarnation() is 0, and the channel
  // decides whether enough others are there. With `create_if_empty`, kNotFound: there is a log but
  // no marker; kAlreadyExists: there is a log, so it is another's; kUnavailable.
  static base::Task<base::Result<std::unique_ptr<ObjectReplica>>> open(
      object_store::ObjectStore& store, base::Executor& executor, base::Random& random,
      ObjectReplicaOptions options);

  base::Task<base::Result<PutOutcome>> put_if_absent(ChunkKey key, base::Slice chunk) override;
  base::Task<base::Result<ChunkHeader>> head(ChunkKey key) override;
  base::Task<base::Result<base::Slice>> read(ChunkKey key) override;
  base::Task<base::Result<base::Slice>> read_range(ChunkKey key, uint64_t position,
                                                   uint64_t length) override;
  base::Task<base::Result<std::vector<IndexedEntry>>> read_index(ChunkKey key) override;
  base::Task<base::Result<PutOutcome>> seal(ChunkKey key, uint64_t sealer_nonce) override;
  base::Task<base::Result<std::vector<ChunkKey>>> list(ChannelId channel,
                                                       ChannelEpoch epoch) override;
  base::Task<base::Status> make_durable() override;
  base::Task<base::Status> remove_below(ChannelId channel, ChannelEpoch epoch,
                                        ChunkSeq free_below) override;
  uint64_t ready_bytes(ChannelId, uint64_t) override { return UINT64_MAX; }
  base::Task<base::Status> make_ready(ChannelId, uint64_t) override { co_return base::Status(); }
  base::Duration read_delay() const override;
  uint64_t incarnation() const override { return verified_ ? incarnation_ : 0; }
  void bind(uint64_t incarnation) override;
  base::Task<base::Status> check_incarnation() override;

  // Nothing is left of what remove_below() was told to forget.
  bool removed_all() const;
  // Ends what runs behind the callers: removals are left for the next start.
  base::Task<void> stop_and_join() { return tasks_.stop_and_join(); }

 private:
  // What a channel's removals have come to; bounds as chunk_object_bound() makes them.
  struct Removal {
    std::string done;
    std::string wanted;
    bool running = false;
  };

  ObjectReplica(object_store::ObjectStore& store, base::Executor& executor,
                ObjectReplicaOptions options)
      : store_(store), executor_(executor), options_(options), tasks_(executor) {}
  base::Task<base::Status> create_marker(base::Random& random);
  base::Task<void> look_for_a_while();
  base::Task<void> look_and_tell(std::shared_ptr<base::Event> looked);
  base::Task<void> look_again();
  // The marker's incarnation, 0 without a marker; kUnavailable.
  base::Task<base::Result<uint64_t>> read_marker();
  void lose(std::string reason);
  // The store may be asked. kUnavailable: it cannot be reached, or is lost.
  base::Task<base::Status> ready();
  base::Task<base::Result<PutOutcome>> create(ChunkKey key, base::Slice bytes);
  // A GET, timed.
  base::Task<base::Result<base::Slice>> get(std::string key,
                                            std::optional<object_store::ByteRange> range);
  base::Task<base::Result<ChunkHeader>> read_header(ChunkKey key);
  void start_removal(ChannelId channel);
  void remove_if_late(const ChunkKey& key);
  base::Task<void> remove_wanted(ChannelId channel);
  base::Task<base::Status> remove_between(std::string prefix, std::string after, std::string bound);
  base::Task<base::Status> remove_all(std::vector<std::string> keys);

  object_store::ObjectStore& store_;
  base::Executor& executor_;
  const ObjectReplicaOptions options_;
  uint64_t incarnation_ = 0;  // bound to, or found
  bool verified_ = false;     // the marker said so when it was last read
  std::string lost_;          // why, once it is
  bool looking_ = false;
  base::TimePoint looked_at_;
  base::Duration usual_delay_{0};               // of a read, lately
  std::multiset<base::TimePoint> reads_begun_;  // and not answered
  std::map<ChannelId, Removal> removals_;
  base::TaskGroup tasks_;  // last: its frames use everything above
};

}  // namespace thalweg::chunk
