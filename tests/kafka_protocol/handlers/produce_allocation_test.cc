// Counts what a produced batch costs: allocations from the request's bytes to the encoded response,
// and copies of its record bytes from the request to a consumer's response.

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "kafka_protocol/topics/batch_rules.h"
#include "kafka_protocol/wire/messages/fetch.h"
#include "kafka_protocol/wire/messages/produce.h"
#include "tests/kafka_protocol/handlers/broker_world.h"
#include "tests/kafka_protocol/topics/stream_batches.h"

namespace {
size_t allocations = 0;
size_t allocated_bytes = 0;
}  // namespace

void* operator new(size_t size) {
  ++allocations;
  allocated_bytes += size;
  if (void* block = std::malloc(size)) return block;
  std::abort();
}
void* operator new[](size_t size) { return operator new(size); }
void operator delete(void* block) noexcept { std::free(block); }
void operator delete[](void* block) noexcept { std::free(block); }
void operator delete(void* block, size_t) noexcept { std::free(block); }
void operator delete[](void* block, size_t) noexcept { std::free(block); }

namespace thalweg::handlers {
namespace {

using wire::FetchRequest;
using wire::ProduceRequest;

constexpr std::string_view kTopic = "a-topic-whose-name-is-longer-than-a-small-string";
// What a chunk costs is shared by the requests in it, as it is for a connection under load.
constexpr size_t kRequestsInFlight = 64;
constexpr int kRounds = 20;
constexpr double kAllocationsPerRequestMax = 8;

// Remembers where the batch stamped last lies.
class WatchedRules final : public EntryRules {
 public:
  void stamp(std::byte* payload, Offset base, LeaderEpoch epoch) const override {
    stamped = payload;
    rules_.stamp(payload, base, epoch);
  }
  EntryDigest digest(base::ByteView payload) const override { return rules_.digest(payload); }
  std::string fold(base::ByteView previous, std::span<const DigestedEntry> entries) const override {
    return rules_.fold(previous, entries);
  }
  mutable const std::byte* stamped = nullptr;

 private:
  topics::BatchRules rules_;
};

class ProducePathTest : public testing::TestWithParam<int16_t> {
 protected:
  ProducePathTest() { world_.create_topic(std::string(kTopic), 1); }

  wire::Bytes produce_body(base::ByteView records, int16_t acks = -1) {
    ProduceRequest request{.acks = acks, .timeout_ms = 1000};
    ProduceRequest::Topic topic{.name = kTopic, .topic_id = world_.topics().find(kTopic)->id()};
    topic.partition_data.push_back({.index = 0, .records = records});
    request.topic_data.push_back(topic);
    return world_.body(request, GetParam());
  }

  // A connection with many requests on their way: the first phase of each, then the second of each.
  // Counts from the first request's bytes to the last one's response, without the node that the
  // simulator's queue allocates for each step: a real loop re-uses its vectors.
  base::Task<size_t> pipeline(const std::vector<wire::Bytes>& requests,
                              std::vector<base::StartedTask<server::Response>>& second_phases,
                              std::vector<server::Response>& responses) {
    allocations = allocated_bytes = 0;
    const uint64_t steps = world_.executor().steps();
    for (const wire::Bytes& request : requests) {
      server::PendingResponse pending =
          co_await world_.router().start(world_.context<ProduceRequest>(GetParam()), request);
      CHECK(!pending.is_ready());
      second_phases.push_back(std::move(pending).take_task());
    }
    for (auto& task : second_phases) responses.push_back(co_await task.on(world_.executor()));
    co_return allocations - (world_.executor().steps() - steps);
  }
  size_t count_allocations(const std::vector<wire::Bytes>& requests) {
    std::vector<base::StartedTask<server::Response>> second_phases;
    std::vector<server::Response> responses;
    second_phases.reserve(requests.size());
    responses.reserve(requests.size());
    const size_t count = world_.run(pipeline(requests, second_phases, responses));
    for (const server::Response& response : responses) {
      EXPECT_EQ(response.kind, server::Response::Kind::kSend);
    }
    return count;
  }
  std::vector<wire::Bytes> next_requests(int count) {
    std::vector<wire::Bytes> requests;
    for (size_t i = 0; i < kRequestsInFlight; ++i) {
      const topics::StreamBatch batch(
          {.producer_id = 7, .epoch = 0, .sequence = sequence_, .count = count});
      sequence_ += count;
      requests.push_back(produce_body(batch.bytes()));
    }
    return requests;
  }
  Offset tail() {
    const StreamId stream = world_.topics().find(kTopic)->stream(0);
    return world_.store().known_bounds(stream)->durable_tail;
  }

  WatchedRules rules_;
  BrokerWorld world_{rules_};
  int32_t sequence_ = 0;
};

TEST_P(ProducePathTest, ARequestForOnePartitionTakesAtMostEightAllocations) {
  for (int i = 0; i < 5; ++i) count_allocations(next_requests(1));
  size_t total = 0;
  for (int i = 0; i < kRounds; ++i) total += count_allocations(next_requests(1));
  const double each = static_cast<double>(total) / (kRounds * kRequestsInFlight);
  RecordProperty("allocations_per_request", std::to_string(each));
  EXPECT_LE(each, kAllocationsPerRequestMax);
  EXPECT_EQ(tail(), Offset((kRounds + 5) * kRequestsInFlight));
}

TEST_P(ProducePathTest, RecordBytesAreNotCopiedToTheHeap) {
  constexpr int kRecords = 2000;
  count_allocations(next_requests(kRecords));
  const std::vector<wire::Bytes> requests = next_requests(kRecords);
  ASSERT_GT(requests.front().size(), 10'000u);
  count_allocations(requests);
  EXPECT_LT(allocated_bytes / kRequestsInFlight, requests.front().size() / 4);
}

// The bytes a consumer is sent are those the request's were copied to: no other copy between.
TEST_P(ProducePathTest, AConsumerIsSentTheBytesThatWereWrittenToTheLog) {
  const topics::StreamBatch batch({.producer_id = 7, .epoch = 0, .sequence = 0, .count = 500});
  const wire::Bytes request = produce_body(batch.bytes());
  (void)world_.run(world_.serve(world_.context<ProduceRequest>(GetParam()), request));
  ASSERT_EQ(tail(), Offset(500));
  ASSERT_NE(rules_.stamped, nullptr);
  ASSERT_FALSE(request.data() <= rules_.stamped &&
               rules_.stamped < request.data() + request.size());

  FetchRequest fetch{.max_wait_ms = 0, .min_bytes = 1, .max_bytes = 1 << 20};
  FetchRequest::Topic topic{.topic = kTopic};
  topic.partitions.push_back({.partition = 0, .fetch_offset = 0, .partition_max_bytes = 1 << 20});
  fetch.topics.push_back(topic);
  const wire::Bytes asked = world_.body(fetch, 12);
  const server::Response answer = world_.run(world_.serve(world_.context<FetchRequest>(12), asked));
  bool found = false;
  for (const base::ByteView part : answer.frame.parts()) {
    found = found || (part.data() == rules_.stamped && part.size() == batch.bytes().size());
  }
  EXPECT_TRUE(found);
}

INSTANTIATE_TEST_SUITE_P(Versions, ProducePathTest, testing::Values(7, 9, 12, 13));

}  // namespace
}  // namespace thalweg::handlers
