// BrokerBackend: a broker behind the server's interface: storage, topics, groups and handlers,
// built bottom up on the home core, and taken down in the other order.
#pragma once

#include <memory>

#include "kafka_protocol/coordinator/offsets_stream.h"
#include "kafka_protocol/handlers/request_router.h"
#include "kafka_protocol/server/serve.h"
#include "kafka_protocol/storage/broker_storage.h"
#include "kafka_protocol/topics/batch_rules.h"

namespace thalweg {

class BrokerBackend final : public server::Backend {
 public:
  // On main's thread, while the cores run.
  static base::Result<std::unique_ptr<server::Backend>> open(const server::Config& config,
                                                             server::Cores& cores);

  server::RequestHandler& handler() override { return *router_; }
  void write_metrics(server::MetricsText& text) const override { storage_->write_metrics(text); }
  base::Task<base::Status> close() override;

 private:
  BrokerBackend(const server::Config& config, server::AsioExecutor& home,
                std::unique_ptr<storage::BrokerStorage> storage)
      : config_(config), home_(home), storage_(std::move(storage)) {}

  base::Task<base::Status> open_all();
  base::Task<base::Status> close_all();
  base::Task<base::Status> find_cluster_id();
  base::Task<base::Status> find_cluster(topics::TopicRows& rows);
  base::Task<base::Status> open_store(topics::TopicRows& rows);

  const server::Config& config_;
  base::Executor& home_;
  topics::BatchRules rules_;
  std::unique_ptr<storage::BrokerStorage> storage_;
  std::unique_ptr<topics::TopicRegistry> topics_;
  std::unique_ptr<coordinator::OffsetsStream> offsets_;
  std::unique_ptr<coordinator::GroupCoordinator> groups_;
  std::unique_ptr<metadata::IdAllocator> producer_ids_;
  handlers::BrokerSettings settings_;
  std::unique_ptr<handlers::Broker> broker_;
  std::unique_ptr<handlers::RequestRouter> router_;
};

}  // namespace thalweg
