#include "bench/load/client.h"

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>

namespace thalweg::load {

namespace {

constexpr size_t kValues = 4096;

void set(rd_kafka_conf_t* conf, const char* key, const std::string& value) {
  char error[512];
  if (rd_kafka_conf_set(conf, key, value.c_str(), error, sizeof(error)) != RD_KAFKA_CONF_OK) {
    die(error);
  }
}

rd_kafka_t* open(rd_kafka_type_t type, rd_kafka_conf_t* conf) {
  char error[512];
  rd_kafka_t* client = rd_kafka_new(type, conf, error, sizeof(error));
  if (client == nullptr) die(error);
  return client;
}

// About four times smaller under zstd, as log lines in JSON are.
std::string json_value(std::mt19937_64& random, int size) {
  static const char* const kActions[] = {"view", "click", "purchase", "login", "logout", "search"};
  std::string value = "{\"events\":[";
  while (static_cast<int>(value.size()) < size) {
    char event[192];
    std::snprintf(
        event, sizeof(event),
        "{\"user_id\":%llu,\"session\":\"%016llx\",\"action\":\"%s\",\"amount\":%llu.%02llu,"
        "\"country\":\"DE\",\"ok\":true},",
        static_cast<unsigned long long>(random() % 1000000),
        static_cast<unsigned long long>(random()), kActions[random() % 6],
        static_cast<unsigned long long>(random() % 1000),
        static_cast<unsigned long long>(random() % 100));
    value += event;
  }
  value.resize(size);
  return value;
}

}  // namespace

void die(const std::string& what) {
  std::fprintf(stderr, "load: %s\n", what.c_str());
  std::exit(1);
}

int64_t now_microseconds() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1'000'000 + time.tv_nsec / 1000;
}

rd_kafka_t* open_producer(const Options& options, void* opaque,
                          void (*delivered)(rd_kafka_t*, const rd_kafka_message_t*, void*)) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", options.brokers);
  set(conf, "acks", "all");
  set(conf, "compression.type", options.codec);
  set(conf, "linger.ms", options.linger);
  set(conf, "batch.size", "1000000");
  set(conf, "batch.num.messages", std::to_string(options.batch_messages));
  set(conf, "queue.buffering.max.messages", std::to_string(options.outstanding));
  set(conf, "queue.buffering.max.kbytes", "524288");
  set(conf, "socket.nagle.disable", "true");
  rd_kafka_conf_set_opaque(conf, opaque);
  rd_kafka_conf_set_dr_msg_cb(conf, delivered);
  return open(RD_KAFKA_PRODUCER, conf);
}

rd_kafka_t* open_consumer(const Options& options) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", options.brokers);
  set(conf, "group.id", "load");
  set(conf, "enable.auto.commit", "false");
  set(conf, "socket.nagle.disable", "true");
  set(conf, "fetch.message.max.bytes", "4000000");
  set(conf, "fetch.max.bytes", "16000000");
  set(conf, "queued.max.messages.kbytes", "131072");
  rd_kafka_t* consumer = open(RD_KAFKA_CONSUMER, conf);
  rd_kafka_poll_set_consumer(consumer);
  return consumer;
}

void assign_all(rd_kafka_t* consumer, const Options& options, int64_t offset) {
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(options.partitions);
  for (int partition = 0; partition < options.partitions; ++partition) {
    rd_kafka_topic_partition_list_add(list, options.topic.c_str(), partition)->offset = offset;
  }
  if (const auto error = rd_kafka_assign(consumer, list)) die(rd_kafka_err2str(error));
  rd_kafka_topic_partition_list_destroy(list);
}

std::vector<std::string> make_values(const Options& options) {
  std::mt19937_64 random(1);
  std::vector<std::string> values(kValues);
  for (std::string& value : values) {
    if (options.json) {
      value = json_value(random, options.size);
    } else {
      value.resize(options.size);
      for (char& byte : value) byte = static_cast<char>(random());
    }
  }
  return values;
}

void print_result(uint64_t records, uint64_t bytes, int64_t microseconds,
                  const Histogram& latencies) {
  const double seconds = static_cast<double>(microseconds) / 1e6;
  std::printf(
      "{\"records\":%llu,\"bytes\":%llu,\"seconds\":%.3f,\"records_per_s\":%.0f,\"mb_per_s\":%.2f,"
      "\"p50_us\":%llu,\"p99_us\":%llu,\"p999_us\":%llu,\"max_us\":%llu,\"client\":\"%s\"}\n",
      static_cast<unsigned long long>(records), static_cast<unsigned long long>(bytes), seconds,
      static_cast<double>(records) / seconds, static_cast<double>(bytes) / 1e6 / seconds,
      static_cast<unsigned long long>(latencies.percentile(0.5)),
      static_cast<unsigned long long>(latencies.percentile(0.99)),
      static_cast<unsigned long long>(latencies.percentile(0.999)),
      static_cast<unsigned long long>(latencies.max()), rd_kafka_version_str());
}

}  // namespace thalweg::load
