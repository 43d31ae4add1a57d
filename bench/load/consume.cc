// consume: everything that is in the topic, from the beginning, once. tail: a paced producer and a
// consumer at the end of the topic in one process; the latency is from produce call to consumer.
#include <atomic>
#include <cstring>
#include <thread>

#include "bench/load/client.h"

namespace thalweg::load {

namespace {

constexpr int kPollMilliseconds = 1000;
constexpr int kBatchMilliseconds = 50;  // a batch call waits this long for the batch to fill
constexpr int kGiveUpMilliseconds = 60'000;
constexpr size_t kBatch = 10'000;

void ignore_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  if (message->err) die(rd_kafka_err2str(message->err));
}

// Records that are in all partitions now.
uint64_t count_records(rd_kafka_t* consumer, const Options& options) {
  uint64_t count = 0;
  for (int partition = 0; partition < options.partitions; ++partition) {
    int64_t low = 0, high = 0;
    const auto error = rd_kafka_query_watermark_offsets(consumer, options.topic.c_str(), partition,
                                                        &low, &high, kGiveUpMilliseconds);
    if (error) die(rd_kafka_err2str(error));
    count += high - low;
  }
  return count;
}

// Sends the time in the first 8 bytes of each value until told to stop.
void produce_stamps(const Options& options, const std::atomic<bool>& stop) {
  rd_kafka_t* producer = open_producer(options, nullptr, ignore_delivery);
  rd_kafka_topic_t* topic = rd_kafka_topic_new(producer, options.topic.c_str(), nullptr);
  std::string value(options.size, 'x');
  const int64_t began = now_microseconds();
  for (uint64_t sent = 0; !stop; ++sent) {
    const double due = static_cast<double>(sent) / options.rate * 1e6;
    while (static_cast<double>(now_microseconds() - began) < due) rd_kafka_poll(producer, 1);
    const int64_t now = now_microseconds();
    std::memcpy(value.data(), &now, sizeof(now));
    if (rd_kafka_produce(topic, static_cast<int32_t>(sent % options.partitions),
                         RD_KAFKA_MSG_F_COPY, value.data(), value.size(), nullptr, 0, nullptr)) {
      die(rd_kafka_err2str(rd_kafka_last_error()));
    }
  }
  if (rd_kafka_flush(producer, kGiveUpMilliseconds)) die("records were not acknowledged");
  rd_kafka_topic_destroy(topic);
  rd_kafka_destroy(producer);
}

}  // namespace

int consume(const Options& options) {
  rd_kafka_t* consumer = open_consumer(options);
  const uint64_t wanted = count_records(consumer, options);
  rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(consumer);
  std::vector<rd_kafka_message_t*> batch(kBatch);
  const int64_t began = now_microseconds();
  assign_all(consumer, options, RD_KAFKA_OFFSET_BEGINNING);
  uint64_t records = 0, bytes = 0;
  int64_t last_news = began;
  while (records < wanted) {
    const ssize_t got =
        rd_kafka_consume_batch_queue(queue, kBatchMilliseconds, batch.data(), batch.size());
    const int64_t now = now_microseconds();
    if (got > 0) last_news = now;
    if (now - last_news > kGiveUpMilliseconds * 1000) die("no more records came");
    for (ssize_t at = 0; at < got; ++at) {
      if (batch[at]->err) die(rd_kafka_message_errstr(batch[at]));
      ++records;
      bytes += batch[at]->len;
      rd_kafka_message_destroy(batch[at]);
    }
  }
  print_result(records, bytes, last_news - began, {});
  rd_kafka_queue_destroy(queue);
  rd_kafka_consumer_close(consumer);
  rd_kafka_destroy(consumer);
  return 0;
}

int tail(const Options& options) {
  if (options.rate <= 0) die("tail needs --rate");
  rd_kafka_t* consumer = open_consumer(options);
  assign_all(consumer, options, RD_KAFKA_OFFSET_END);
  rd_kafka_consumer_poll(consumer, kPollMilliseconds);  // connected and at the end before it starts
  std::atomic<bool> stop = false;
  std::thread producer([&options, &stop] { produce_stamps(options, stop); });
  const int64_t began = now_microseconds();
  const auto counted_from = began + 1'000'000;
  const auto until = counted_from + static_cast<int64_t>(options.seconds * 1e6);
  Histogram latencies;
  uint64_t bytes = 0;
  int64_t now = began;
  while (now < until) {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer, kPollMilliseconds);
    now = now_microseconds();
    if (message == nullptr) continue;
    if (message->err) die(rd_kafka_message_errstr(message));
    int64_t sent = 0;
    std::memcpy(&sent, message->payload, sizeof(sent));
    if (now >= counted_from) {
      latencies.add(now - sent);
      bytes += message->len;
    }
    rd_kafka_message_destroy(message);
  }
  stop = true;
  producer.join();
  print_result(latencies.count(), bytes, now - counted_from, latencies);
  rd_kafka_consumer_close(consumer);
  rd_kafka_destroy(consumer);
  return 0;
}

}  // namespace thalweg::load
