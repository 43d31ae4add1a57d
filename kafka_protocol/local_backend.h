// LocalBackend: a broker whose chunk log is in a local directory or in one or three object stores,
// and its segments and metadata in the directory or in a bucket. It builds the parts, bottom up, on
// the home core, and takes them down in the other order.
//
// With log and metadata in object stores there need not be a directory. A lease tells then who the
// owner is, as the lock on the directory does otherwise.
#pragma once

#include <memory>

#include "kafka_protocol/chunk_zones.h"
#include "kafka_protocol/coordinator/offsets_stream.h"
#include "kafka_protocol/handlers/request_router.h"
#include "kafka_protocol/server/loop_poller.h"
#include "kafka_protocol/server/serve.h"
#include "kafka_protocol/topics/batch_rules.h"
#include "streamcore/base/posix_file_system.h"
#include "streamcore/base/quota_file_system.h"
#include "streamcore/chunk/local_replica.h"
#include "streamcore/metadata/lease.h"
#include "streamcore/metadata/object_log_metadata_store.h"
#include "streamcore/metadata/owned_metadata_store.h"
#include "streamcore/object_store/local_object_store.h"
#include "streamcore/object_store/s3/s3_object_store.h"

namespace thalweg {

class LocalBackend final : public server::Backend {
 public:
  // On main's thread, while the cores run.
  static base::Result<std::unique_ptr<server::Backend>> open(const server::Config& config,
                                                             server::Cores& cores);

  server::RequestHandler& handler() override { return *router_; }
  void write_metrics(server::MetricsText& text) const override;
  base::Task<base::Status> close() override;

 private:
  LocalBackend(const server::Config& config, server::AsioExecutor& home)
      : config_(config), home_(home), poller_(home) {}

  StoreWorld world() { return {home_, poller_, clock_, random_, &meters_}; }
  base::Task<base::Status> open_all();
  base::Task<base::Status> open_storage();
  base::Task<base::Status> open_directory();
  base::Task<base::Status> open_in_directory(chunk::LocalReplicaOptions options);
  base::Task<base::Status> open_in_bucket(chunk::LocalReplicaOptions options);
  base::Task<base::Status> open_log(chunk::LocalReplicaOptions options);
  base::Task<base::Status> lock_directory();
  base::Status find_places();
  bool leased() const { return bucket_ && !chunk_places_.empty(); }
  base::Task<base::Status> take_lease();
  metadata::MetadataStore& rows();
  base::Task<base::Status> open_broker();
  base::Task<base::Status> close_all();
  base::Task<void> give_up_on_bucket(base::TaskGroup& closing);
  base::Task<base::Result<std::string>> cluster_id();

  const server::Config& config_;
  base::Executor& home_;
  server::LoopPoller poller_;
  std::optional<object_store::s3::S3Config> bucket_;  // none = everything in the directory
  std::vector<StorePlace> chunk_places_;              // none = the log is in the directory
  base::SystemClock clock_;
  base::SystemRandom random_;
  object_store::RequestMeters meters_;
  topics::BatchRules rules_;

  std::unique_ptr<base::PosixFileSystem> disk_;  // null without a directory
  std::unique_ptr<base::QuotaFileSystem> files_;
  std::unique_ptr<chunk::LocalReplica> replica_;  // or:
  std::unique_ptr<base::FileLock> lock_;
  std::unique_ptr<ChunkZones> zones_;
  std::unique_ptr<object_store::ObjectStore> objects_;
  object_store::s3::S3ObjectStore* bucket_objects_ = nullptr;  // objects_, if it is a bucket
  std::unique_ptr<metadata::ObjectLogMetadataStore> metadata_;
  std::unique_ptr<metadata::Lease> lease_;               // if leased()
  std::unique_ptr<metadata::OwnedMetadataStore> owned_;  // what only its holder writes through
  std::unique_ptr<StreamStore> store_;
  std::unique_ptr<topics::TopicRegistry> topics_;
  std::unique_ptr<coordinator::OffsetsStream> offsets_;
  std::unique_ptr<coordinator::GroupCoordinator> groups_;
  std::unique_ptr<metadata::IdAllocator> producer_ids_;
  handlers::BrokerSettings settings_;
  std::unique_ptr<handlers::Broker> broker_;
  std::unique_ptr<handlers::RequestRouter> router_;
};

}  // namespace thalweg
