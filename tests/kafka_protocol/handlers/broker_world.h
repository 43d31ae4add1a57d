// BrokerWorld: a broker in process: the handlers over a real stream store in memory, in virtual
// time, without a socket.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <utility>

#include "kafka_protocol/coordinator/offsets_stream.h"
#include "kafka_protocol/handlers/request_router.h"
#include "kafka_protocol/wire/codec.h"
#include "tests/streamcore/stream/store_world.h"

namespace thalweg::handlers {

class BrokerWorld {
 public:
  explicit BrokerWorld(const EntryRules& rules) : world_(rules) {
    world_.open();
    topics_ = std::make_unique<topics::TopicRegistry>(
        topics::TopicRegistry::Parts{executor(), world_.clock(), world_.random(), store(),
                                     world_.metadata()},
        topics::TopicDefaults());
    topics::TopicRows rows;
    CHECK(run(topics::TopicRegistry::read(executor(), world_.metadata(), rows)).has_value());
    CHECK(topics_->adopt(rows).has_value());
    offsets_ =
        std::make_unique<coordinator::OffsetsStream>(executor(), world_.clock(), store(), *topics_);
    groups_ = std::make_unique<coordinator::GroupCoordinator>(
        coordinator::GroupCoordinator::Parts{executor(), world_.clock(), world_.random(),
                                             *offsets_},
        coordinator::CoordinatorOptions());
    topics_->on_removed([this](std::string topic, wire::Uuid id) -> base::Task<base::Status> {
      CHECK(co_await groups_->on_topic_deleted(std::move(topic), id) == wire::KafkaError::kNone);
      co_return base::Status{};
    });
    CHECK(run(groups_->load()).has_value());
    producer_ids_ =
        std::make_unique<metadata::IdAllocator>(executor(), world_.metadata(), "next/producer", 10);
    broker_.reset(new Broker{executor(), world_.clock(), store(), *topics_, *groups_,
                             *producer_ids_, settings_});
    router_ = std::make_unique<RequestRouter>(*broker_);
  }
  ~BrokerWorld() {
    router_->request_stop();
    run(broker_->tasks.stop_and_join());
  }

  sim::SimExecutor& executor() { return world_.executor(); }
  StreamStore& store() { return world_.store(); }
  chunk::MemoryReplica& log() { return world_.log(); }
  chunk::MemoryReplica& express_log() { return world_.express_log(); }
  base::Timestamp wall_now() { return world_.clock().wall_now(); }
  topics::TopicRegistry& topics() { return *topics_; }
  coordinator::GroupCoordinator& groups() { return *groups_; }
  RequestRouter& router() { return *router_; }
  template <class T>
  T run(base::Task<T> task) {
    return sim::run(executor(), std::move(task));
  }

  void create_topic(std::string name, int32_t partitions, topics::ConfigEntries configs = {}) {
    std::vector<topics::NewTopic> wanted;
    wanted.push_back({std::move(name), partitions, std::move(configs)});
    CHECK(run(topics_->create(std::move(wanted))).front().ok());
  }

  template <class Request>
  server::RequestContext context(int16_t version) {
    return {.connection_executor = executor(),
            .connection = connection_,
            .api_key = Request::api.key,
            .api_version = version,
            .correlation_id = 1,
            .client_id = "a test"};
  }
  // What follows the client id of a request: header tags, if its version has them, and the body.
  template <class Request>
  static wire::Bytes body(const Request& request, int16_t version) {
    wire::Bytes bytes;
    if (Request::api.flexible.contains(version)) bytes.push_back(std::byte{0});
    const wire::Bytes encoded = wire::encode(request, version).flatten();
    bytes.insert(bytes.end(), encoded.begin(), encoded.end());
    return bytes;
  }

  // Both phases of a request, whose frame lives until the first is done.
  base::Task<server::Response> serve(server::RequestContext context, base::ByteView body) {
    server::PendingResponse pending = co_await router_->start(context, body);
    if (pending.is_ready()) co_return std::move(pending).take_ready();
    base::StartedTask<server::Response> task = std::move(pending).take_task();
    co_return co_await task.on(executor());
  }
  // A whole request and its decoded response.
  template <class Request, class Response>
  Response call(const Request& request, int16_t version) {
    return run(call_task<Request, Response>(request, version));
  }
  template <class Request, class Response>
  base::Task<Response> call_task(Request request, int16_t version) {
    server::RequestContext asked = context<Request>(version);
    asked.client_id = client_id;
    const wire::Bytes bytes = body(request, version);
    const server::Response answer = co_await serve(asked, bytes);
    // The view in a response lives as long as its frame, which a test may outlive.
    frames_.push_back(answer.frame.flatten());
    const size_t header = sizeof(int32_t) + (Response::api.flexible.contains(version) ? 1u : 0u);
    auto decoded = wire::decode<Response>(
        base::ByteView(frames_.back()).subspan(frame_length + header), version);
    CHECK_MSG(decoded.has_value(), decoded.has_value() ? "" : decoded.error().message);
    co_return std::move(*decoded);
  }
  std::string client_id = "a test";
  BrokerSettings& settings() { return settings_; }

 private:
  static constexpr size_t frame_length = sizeof(int32_t);

  std::list<wire::Bytes> frames_;
  StoreWorld world_;
  server::ConnectionInfo connection_{};
  BrokerSettings settings_;
  std::unique_ptr<topics::TopicRegistry> topics_;
  std::unique_ptr<coordinator::OffsetsStream> offsets_;
  std::unique_ptr<coordinator::GroupCoordinator> groups_;
  std::unique_ptr<metadata::IdAllocator> producer_ids_;
  std::unique_ptr<Broker> broker_;
  std::unique_ptr<RequestRouter> router_;
};

}  // namespace thalweg::handlers
