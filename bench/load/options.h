// Options: what the command line of `load` asks for. Every field has the default that is printed by
// --help.
#pragma once

#include <cstdint>
#include <string>

namespace thalweg::load {

struct Options {
  std::string brokers = "127.0.0.1:9092";
  std::string topic = "load";
  int partitions = 1;           // records go round robin over partitions 0..partitions-1
  int size = 1024;              // bytes of a value
  double seconds = 10;          // produce, tail: how long at least
  int64_t bytes = 0;            // produce: value bytes at least
  double rate = 0;              // records/s, 0 = as fast as acknowledgements allow
  std::string codec = "none";   // as librdkafka names it
  std::string linger = "5";     // ms
  int batch_messages = 10000;   // per request and partition; 1 = one record per request
  int outstanding = 32768;      // records given to the client and not yet acknowledged, at most
  bool json = false;            // values that compress like JSON, otherwise random bytes
  std::string directory = ".";  // raw-sync: where
};

// Milliseconds, microseconds and so on are since an arbitrary start.
int64_t now_microseconds();

int produce(const Options& options);
int consume(const Options& options);
int tail(const Options& options);
int raw_sync(const Options& options);

}  // namespace thalweg::load
