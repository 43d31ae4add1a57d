#include "kafka_protocol/broker_backend.h"

#include "kafka_protocol/broker_options.h"
#include "kafka_protocol/server/blocking.h"
#include "kafka_protocol/topics/cluster_row_format.h"

namespace thalweg {

namespace {

constexpr std::string_view kNextProducerKey = "next/producer";
constexpr int32_t kOpenedTogetherAfar = 1000;
constexpr uint64_t kProducerIdBlock = 1000;  // as Kafka's ProducerIdManager

base::Task<base::Status> forget_topic(coordinator::GroupCoordinator& groups, std::string topic,
                                      wire::Uuid id) {
  const wire::KafkaError error = co_await groups.on_topic_deleted(std::move(topic), id);
  if (error == wire::KafkaError::kNone) co_return base::Status{};
  co_return base::fail(base::ErrorCode::kUnavailable,
                       "group offsets: " + std::string(wire::to_string(error)));
}

}  // namespace

base::Result<std::unique_ptr<server::Backend>> BrokerBackend::open(const server::Config& config,
                                                                   server::Cores& cores) {
  auto storage = TRY(storage::BrokerStorage::make(config, cores.home()));
  std::unique_ptr<BrokerBackend> backend(
      new BrokerBackend(config, cores.home(), std::move(storage)));
  base::Status opened = server::run_blocking(cores.home(), backend->open_all());
  if (!opened.has_value()) {
    // Half open: nothing that runs may be taken apart, and the process ends with this error anyway.
    (void)backend.release();
    return std::unexpected(std::move(opened).error());
  }
  return backend;
}

base::Task<base::Status> BrokerBackend::find_cluster_id() {
  const std::string key(topics::kClusterRowKey);
  if (const auto row = CO_TRY(co_await storage_->rows().get(key))) {
    settings_.cluster_id = CO_TRY(topics::decode_cluster_row(*row));
    co_return base::Status{};
  }
  // 22 characters of base64, as Kafka's Uuid.randomUuid (B53).
  base::Random& random = storage_->random();
  std::string id = wire::to_string(wire::Uuid{random.next(), random.next()});
  metadata::Transaction transaction;
  transaction.require(key, std::nullopt).set(key, topics::encode_cluster_row(id));
  CO_TRY(co_await storage_->rows().commit(std::move(transaction)));
  settings_.cluster_id = std::move(id);
  co_return base::Status{};
}

base::Task<base::Status> BrokerBackend::find_cluster(topics::TopicRows& rows) {
  return base::side_by_side(home_, find_cluster_id(),
                            topics::TopicRegistry::read(home_, storage_->rows(), rows));
}

// The last transaction of an owner that died may still come in until another follows it: that with
// which a lease was taken, or those that open the log.
base::Task<base::Status> BrokerBackend::open_store(topics::TopicRows& rows) {
  if (storage_->leased()) {
    co_return co_await base::side_by_side(home_, storage_->open_store(rules_), find_cluster(rows));
  }
  CO_TRY(co_await storage_->open_store(rules_));
  co_return co_await find_cluster(rows);
}

base::Task<base::Status> BrokerBackend::open_all() {
  settings_ = broker_settings(config_);
  if (storage_->metadata_in_bucket()) settings_.partitions_opened_together = kOpenedTogetherAfar;
  CO_TRY(co_await storage_->open_metadata());
  topics::TopicRows rows;
  CO_TRY(co_await open_store(rows));
  StreamStore& store = storage_->store();
  topics_ = std::make_unique<topics::TopicRegistry>(
      topics::TopicRegistry::Parts{home_, storage_->clock(), storage_->random(), store,
                                   storage_->rows()},
      CO_TRY(topic_defaults(config_, store.default_class())));
  CO_TRY(topics_->adopt(rows));
  offsets_ =
      std::make_unique<coordinator::OffsetsStream>(home_, storage_->clock(), store, *topics_);
  groups_ = std::make_unique<coordinator::GroupCoordinator>(
      coordinator::GroupCoordinator::Parts{home_, storage_->clock(), storage_->random(), *offsets_},
      coordinator_options(config_));
  topics_->on_removed([this](std::string topic, wire::Uuid id) {
    return forget_topic(*groups_, std::move(topic), id);
  });
  CO_TRY(co_await groups_->load());
  co_await topics_->finish_removals();
  producer_ids_ = std::make_unique<metadata::IdAllocator>(
      home_, storage_->rows(), std::string(kNextProducerKey), kProducerIdBlock);
  topics_->start_retention(
      std::chrono::milliseconds(config_.get_int("log.retention.check.interval.ms")));
  broker_.reset(new handlers::Broker{home_, storage_->clock(), store, *topics_, *groups_,
                                     *producer_ids_, settings_});
  router_ = std::make_unique<handlers::RequestRouter>(*broker_);
  co_return base::Status{};
}

base::Task<base::Status> BrokerBackend::close_all() {
  co_await broker_->tasks.stop_and_join();
  co_await topics_->stop();
  co_return co_await storage_->stop();
}

base::Task<base::Status> BrokerBackend::close() {
  base::TaskGroup closing(home_);
  closing.spawn(storage_->give_up_on_bucket(closing));
  const base::Status closed = co_await close_all();
  co_await closing.stop_and_join();
  co_await storage_->end();
  co_return closed;
}

}  // namespace thalweg
