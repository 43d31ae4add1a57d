// produce: values round robin over the partitions, paced or as fast as acknowledgements allow; the
// latency is from the call that takes the record to its acknowledgement.
#include <cstdint>

#include "bench/load/client.h"

namespace thalweg::load {

namespace {

struct Acknowledged {
  Histogram latencies;
  uint64_t records = 0;
};

void delivered(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  if (message->err) die(rd_kafka_err2str(message->err));
  auto& done = *static_cast<Acknowledged*>(opaque);
  ++done.records;
  done.latencies.add(now_microseconds() - reinterpret_cast<intptr_t>(message->_private));
}

class Producing {
 public:
  explicit Producing(const Options& options)
      : options_(options),
        values_(make_values(options)),
        client_(open_producer(options, &done_, delivered)) {
    topic_ = rd_kafka_topic_new(client_, options.topic.c_str(), nullptr);
  }

  int run() {
    warm_up();
    const int64_t began = now_microseconds();
    const uint64_t wanted = options_.bytes / options_.size;
    const auto until = began + static_cast<int64_t>(options_.seconds * 1e6);
    uint64_t sent = 0;
    while (sent < wanted || now_microseconds() < until) {
      for (int i = 0; i < 16 && pace(sent, began); ++i) send(sent++);
      rd_kafka_poll(client_, 0);
    }
    if (rd_kafka_flush(client_, 120'000)) die("records were not acknowledged");
    print_result(done_.records, done_.records * options_.size, now_microseconds() - began,
                 done_.latencies);
    rd_kafka_topic_destroy(topic_);
    rd_kafka_destroy(client_);
    return 0;
  }

 private:
  // Connections, metadata and the first batch of each partition are not part of what is measured.
  void warm_up() {
    for (int partition = 0; partition < options_.partitions; ++partition) send(partition);
    if (rd_kafka_flush(client_, 120'000)) die("the first records were not acknowledged");
    done_ = {};
  }

  // Whether record number `sent` is due; waits a little for acknowledgements if not.
  bool pace(uint64_t sent, int64_t began) {
    if (options_.rate <= 0) return true;
    const double due = static_cast<double>(sent) / options_.rate * 1e6;
    if (static_cast<double>(now_microseconds() - began) >= due) return true;
    rd_kafka_poll(client_, 1);
    return false;
  }

  void send(uint64_t number) {
    const std::string& value = values_[number % values_.size()];
    for (;;) {
      const int refused =
          rd_kafka_produce(topic_, static_cast<int32_t>(number % options_.partitions), 0,
                           const_cast<char*>(value.data()), value.size(), nullptr, 0,
                           reinterpret_cast<void*>(static_cast<intptr_t>(now_microseconds())));
      if (refused == 0) return;
      if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        die(rd_kafka_err2str(rd_kafka_last_error()));
      }
      rd_kafka_poll(client_, 5);
    }
  }

  const Options& options_;
  std::vector<std::string> values_;
  Acknowledged done_;
  rd_kafka_t* client_;
  rd_kafka_topic_t* topic_;
};

}  // namespace

int produce(const Options& options) { return Producing(options).run(); }

}  // namespace thalweg::load
