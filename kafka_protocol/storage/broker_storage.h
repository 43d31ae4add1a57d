// BrokerStorage: what a broker keeps its data in: metadata and segments in a directory or a bucket,
// the logs of its storage classes (broker_logs.h), and the store of streams over all of it. Built
// bottom up on the home core, and taken down in the other order.
//
// Who the owner is, the lock on the directory tells. Without a log in the directory another machine
// may be at work on the same stores: a lease tells then.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "kafka_protocol/server/asio_executor.h"
#include "kafka_protocol/server/config.h"
#include "kafka_protocol/server/loop_poller.h"
#include "kafka_protocol/server/metrics_text.h"
#include "kafka_protocol/storage/broker_logs.h"
#include "streamcore/base/posix_file_system.h"
#include "streamcore/base/quota_file_system.h"
#include "streamcore/base/task_group.h"
#include "streamcore/channel/log_ahead.h"
#include "streamcore/metadata/lease.h"
#include "streamcore/metadata/object_log_metadata_store.h"
#include "streamcore/metadata/owned_metadata_store.h"
#include "streamcore/object_store/s3/s3_object_store.h"
#include "streamcore/stream_store.h"

namespace thalweg::storage {

class BrokerStorage {
 public:
  // Finds out what the configuration names. `config` and the home core outlive it.
  static base::Result<std::unique_ptr<BrokerStorage>> make(const server::Config& config,
                                                           server::AsioExecutor& home);

  // And makes sure that nobody else writes there: rows() can be used.
  base::Task<base::Status> open_metadata();
  // After that.
  base::Task<base::Status> open_store(const EntryRules& rules);
  // Nobody uses the store any more.
  base::Task<base::Status> stop();
  // Beside stop(): a bucket that does not answer is not waited for, unless `closing` ends before.
  base::Task<void> give_up_on_bucket(base::TaskGroup& closing);
  // After stop().
  base::Task<void> end() { co_await metadata_->stop(); }

  base::Clock& clock() { return clock_; }
  base::Random& random() { return random_; }
  StreamStore& store() { return *store_; }
  metadata::MetadataStore& rows();
  // A read or a commit of theirs may take a request or two.
  bool metadata_in_bucket() const { return bucket_.has_value(); }
  // Whoever was the owner before can write no more rows.
  bool leased() const { return lease_ != nullptr; }
  void write_metrics(server::MetricsText& text) const;

 private:
  BrokerStorage(const server::Config& config, server::AsioExecutor& home)
      : config_(config), home_(home), poller_(home), trial_(home) {}

  StoreWorld world() { return {home_, poller_, clock_, random_, &meters_}; }
  base::Status find_places();
  base::Status check_default_class() const;
  base::Task<base::Status> open_directory();
  base::Task<base::Status> claim_directory(std::string bucket);
  base::Task<base::Status> open_metadata_in_directory();
  base::Task<base::Status> open_metadata_in_bucket();
  base::Task<base::Status> own_bucket();
  base::Task<void> try_out_bucket();
  // Whether the bucket keeps what is asked of it: before anything is committed there.
  base::Task<base::Status> tried_out();
  base::Task<base::Result<StorageClass>> first_class();
  void use_logs();
  base::Task<base::Status> become_owner();
  base::Task<base::Status> watch_lease(base::Result<metadata::Lease::Found>& found);
  base::Task<base::Status> look_at_logs();

  const server::Config& config_;
  base::Executor& home_;
  server::LoopPoller poller_;
  std::optional<object_store::s3::S3Config> bucket_;  // none = everything in the directory
  base::SystemClock clock_;
  base::SystemRandom random_;
  object_store::RequestMeters meters_;

  std::unique_ptr<base::PosixFileSystem> disk_;  // null without a directory
  std::unique_ptr<base::QuotaFileSystem> files_;
  std::unique_ptr<base::FileLock> lock_;
  std::unique_ptr<object_store::ObjectStore> objects_;
  object_store::s3::S3ObjectStore* bucket_objects_ = nullptr;  // objects_, if it is a bucket
  std::unique_ptr<metadata::ObjectLogMetadataStore> metadata_;
  std::unique_ptr<metadata::Lease> lease_;               // if no directory says who the owner is
  std::unique_ptr<metadata::OwnedMetadataStore> owned_;  // what only its holder writes through
  std::unique_ptr<BrokerLogs> logs_;
  std::unique_ptr<channel::LogAhead> ahead_;  // with a lease
  std::unique_ptr<StreamStore> store_;
  base::Status tried_;     // the bucket, once that is over
  base::TaskGroup trial_;  // last: its frame uses what is above
};

}  // namespace thalweg::storage
