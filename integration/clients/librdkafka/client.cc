// librdkafka under the contract of ../README.md. Built once against Debian's library and once
// against the current one.
#include <librdkafka/rdkafka.h>
#include <openssl/evp.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

namespace {

constexpr uint32_t kPoolBytes = 1 << 20;

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

uint32_t mix(uint32_t x) {
  x ^= x >> 16;
  x *= 0x85EBCA6B;
  x ^= x >> 13;
  x *= 0xC2B2AE35;
  return x ^ x >> 16;
}

struct Header {
  std::string name;
  bool null;
  std::string value;
};

struct Record {
  bool key_null, value_null;
  std::string key;
  const char* value;
  size_t value_bytes;
  std::vector<Header> headers;
};

class Run {
 public:
  Run(uint32_t size, uint32_t seed) : size_(size), seed_(seed), pool_(kPoolBytes, 0) {
    uint32_t state = seed;
    for (char& letter : pool_) {
      state = state * 1664525 + 1013904223;
      letter = static_cast<char>(97 + (state >> 24) % 26);
    }
  }

  Record record(uint32_t index) const {
    const uint32_t x = mix(seed_ + index * 0x9E3779B1);
    Record out{x % 5 == 0, x % 97 == 1 && x % 5 != 0, {}, pool_.data(), 0, {}};
    if (!out.key_null && x % 7 != 0) out.key = "key-" + std::to_string(x % 1000);
    if (!out.value_null && x % 89 != 1) {
      out.value = pool_.data() + (x >> 3) % (kPoolBytes - size_);
      out.value_bytes = 1 + (x >> 7) % size_;
    }
    for (uint32_t j = 0; j < (x >> 5) % 3; ++j) {
      const uint32_t kind = (x >> (8 + j)) % 4;
      out.headers.push_back(
          {"h" + std::to_string(j), kind == 0, kind > 1 ? "v" + std::to_string(x) : std::string()});
    }
    return out;
  }

 private:
  uint32_t size_, seed_;
  std::string pool_;
};

struct PartitionDigest {
  EVP_MD_CTX* sha = EVP_MD_CTX_new();
  uint64_t count = 0;

  PartitionDigest() { EVP_DigestInit_ex(sha, EVP_sha256(), nullptr); }

  void integer(uint64_t value, int bytes) {
    unsigned char out[8];
    for (int i = 0; i < bytes; ++i)
      out[i] = static_cast<unsigned char>(value >> 8 * (bytes - 1 - i));
    EVP_DigestUpdate(sha, out, bytes);
  }

  void field(const void* data, size_t length) {
    integer(data == nullptr ? 0xFFFFFFFFu : length, 4);
    if (data != nullptr) EVP_DigestUpdate(sha, data, length);
  }

  void add(const rd_kafka_message_t& message) {
    ++count;
    integer(message.offset, 8);
    integer(rd_kafka_message_timestamp(&message, nullptr), 8);
    field(message.key, message.key_len);
    field(message.payload, message.len);
    rd_kafka_headers_t* headers = nullptr;
    if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      integer(0, 4);
      return;
    }
    integer(rd_kafka_header_cnt(headers), 4);
    const char* name;
    const void* value;
    size_t length;
    for (size_t at = 0; !rd_kafka_header_get_all(headers, at, &name, &value, &length); ++at) {
      field(name, std::string(name).size());
      field(value, length);
    }
  }
};

void set(rd_kafka_conf_t* conf, const char* key, const std::string& value) {
  char error[512];
  if (rd_kafka_conf_set(conf, key, value.c_str(), error, sizeof error) != RD_KAFKA_CONF_OK)
    fail(error);
}

rd_kafka_t* open(rd_kafka_type_t type, rd_kafka_conf_t* conf) {
  char error[512];
  rd_kafka_t* client = rd_kafka_new(type, conf, error, sizeof error);
  if (client == nullptr) fail(error);
  return client;
}

void delivered(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  if (message->err) fail(rd_kafka_err2str(message->err));
}

rd_kafka_headers_t* make_headers(const Record& record) {
  rd_kafka_headers_t* headers = rd_kafka_headers_new(record.headers.size());
  for (const Header& header : record.headers) {
    rd_kafka_header_add(headers, header.name.c_str(), -1,
                        header.null ? nullptr : header.value.data(), header.value.size());
  }
  return headers;
}

void produce(const std::string& bootstrap, const std::string& topic, char** argv) {
  const int partitions = std::atoi(argv[0]), count = std::atoi(argv[1]);
  const Run run(std::strtoul(argv[2], nullptr, 10), std::strtoul(argv[4], nullptr, 10));
  const int64_t base = std::atoll(argv[5]);
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", bootstrap);
  set(conf, "compression.type", argv[3]);
  set(conf, "enable.idempotence", "true");
  rd_kafka_conf_set_dr_msg_cb(conf, delivered);
  rd_kafka_t* client = open(RD_KAFKA_PRODUCER, conf);
  for (int index = 0; index < count; ++index) {
    const Record record = run.record(index);
    for (;;) {
      rd_kafka_headers_t* headers = make_headers(record);
      const auto error = rd_kafka_producev(
          client, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(index % partitions),
          RD_KAFKA_V_TIMESTAMP(base + index), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
          RD_KAFKA_V_KEY(record.key_null ? nullptr : record.key.data(), record.key.size()),
          RD_KAFKA_V_VALUE(record.value_null ? nullptr : const_cast<char*>(record.value),
                           record.value_bytes),
          RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
      if (error == RD_KAFKA_RESP_ERR_NO_ERROR) break;
      rd_kafka_headers_destroy(headers);
      if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) fail(rd_kafka_err2str(error));
      rd_kafka_poll(client, 100);
    }
    rd_kafka_poll(client, 0);
  }
  if (rd_kafka_flush(client, 120000) != RD_KAFKA_RESP_ERR_NO_ERROR)
    fail("not all were acknowledged");
  rd_kafka_destroy(client);
}

void print(std::map<int, PartitionDigest>& digest) {
  for (auto& [partition, entry] : digest) {
    unsigned char sha[EVP_MAX_MD_SIZE];
    unsigned int bytes = 0;
    EVP_DigestFinal_ex(entry.sha, sha, &bytes);
    std::printf("%d %llu ", partition, static_cast<unsigned long long>(entry.count));
    for (unsigned int i = 0; i < bytes; ++i) std::printf("%02x", sha[i]);
    std::printf("\n");
  }
}

void print_sum(const void* data, size_t length) {
  unsigned char sha[EVP_MAX_MD_SIZE];
  unsigned int bytes = 0;
  EVP_Digest(data, length, sha, &bytes, EVP_sha256(), nullptr);
  for (unsigned int i = 0; i < bytes; ++i) std::printf("%02x", sha[i]);
  std::printf("\n");
}

void consume(const std::string& bootstrap, const std::string& topic, const std::string& group,
             uint64_t count) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", bootstrap);
  set(conf, "group.id", group);
  set(conf, "auto.offset.reset", "earliest");
  set(conf, "enable.auto.commit", "false");
  rd_kafka_t* client = open(RD_KAFKA_CONSUMER, conf);
  rd_kafka_poll_set_consumer(client);
  rd_kafka_topic_partition_list_t* topics = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(topics, topic.c_str(), RD_KAFKA_PARTITION_UA);
  if (const auto error = rd_kafka_subscribe(client, topics)) fail(rd_kafka_err2str(error));
  std::map<int, PartitionDigest> digest;
  uint64_t seen = 0;
  for (;;) {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(client, seen >= count ? 600 : 1000);
    if (message == nullptr) {
      if (seen >= count) break;
      continue;
    }
    if (message->err) fail(rd_kafka_message_errstr(message));
    digest[message->partition].add(*message);
    ++seen;
    rd_kafka_message_destroy(message);
  }
  if (const auto error = rd_kafka_commit(client, nullptr, 0)) fail(rd_kafka_err2str(error));
  rd_kafka_consumer_close(client);
  rd_kafka_topic_partition_list_destroy(topics);
  rd_kafka_destroy(client);
  print(digest);
}

void put(const std::string& bootstrap, const std::string& topic, const char* path) {
  std::ifstream file(path, std::ios::binary);
  std::string value{std::istreambuf_iterator<char>(file), {}};
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", bootstrap);
  set(conf, "message.max.bytes", "33554432");
  rd_kafka_conf_set_dr_msg_cb(conf, delivered);
  rd_kafka_t* client = open(RD_KAFKA_PRODUCER, conf);
  const auto error =
      rd_kafka_producev(client, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(0),
                        RD_KAFKA_V_VALUE(value.data(), value.size()), RD_KAFKA_V_END);
  if (error || rd_kafka_flush(client, 120000)) fail("not acknowledged");
  rd_kafka_destroy(client);
}

void sums(const std::string& bootstrap, const std::string& topic, int64_t count) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", bootstrap);
  set(conf, "group.id", "sums");
  for (const char* limit : {"message.max.bytes", "fetch.max.bytes", "fetch.message.max.bytes"})
    set(conf, limit, "65536");
  rd_kafka_t* client = open(RD_KAFKA_CONSUMER, conf);
  rd_kafka_topic_partition_list_t* assigned = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(assigned, topic.c_str(), 0)->offset = 0;
  if (const auto error = rd_kafka_assign(client, assigned)) fail(rd_kafka_err2str(error));
  for (int64_t seen = 0; seen < count;) {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(client, 1000);
    if (message == nullptr) continue;
    if (message->err) fail(rd_kafka_message_errstr(message));
    std::printf("%lld ", static_cast<long long>(message->offset));
    print_sum(message->payload, message->len);
    ++seen;
    rd_kafka_message_destroy(message);
  }
  rd_kafka_topic_partition_list_destroy(assigned);
  rd_kafka_consumer_close(client);
  rd_kafka_destroy(client);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 10 && std::string(argv[1]) == "produce") {
    produce(argv[2], argv[3], argv + 4);
  } else if (argc == 6 && std::string(argv[1]) == "consume") {
    consume(argv[2], argv[3], argv[4], std::strtoull(argv[5], nullptr, 10));
  } else if (argc == 5 && std::string(argv[1]) == "put") {
    put(argv[2], argv[3], argv[4]);
  } else if (argc == 5 && std::string(argv[1]) == "sums") {
    sums(argv[2], argv[3], std::atoll(argv[4]));
  } else if (argc == 2 && std::string(argv[1]) == "version") {
    std::printf("%s\n", rd_kafka_version_str());
  } else {
    fail("usage: see ../README.md");
  }
}
