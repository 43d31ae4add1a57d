// What the modes of `load` share: a configured librdkafka handle, the values to send, and results
// as JSON. A failure ends the process: a measurement with failures in it is no measurement.
#pragma once

#include <librdkafka/rdkafka.h>

#include <string>
#include <vector>

#include "bench/load/histogram.h"
#include "bench/load/options.h"

namespace thalweg::load {

[[noreturn]] void die(const std::string& what);

// A producer with acks=all whose deliveries go to `delivered`(handle, message, opaque), or a
// consumer.
rd_kafka_t* open_producer(const Options& options, void* opaque,
                          void (*delivered)(rd_kafka_t*, const rd_kafka_message_t*, void*));
rd_kafka_t* open_consumer(const Options& options);

// Starts reading every partition at `offset` (RD_KAFKA_OFFSET_BEGINNING, _END).
void assign_all(rd_kafka_t* consumer, const Options& options, int64_t offset);

// 4,096 different values; value i is used for record i % 4096.
std::vector<std::string> make_values(const Options& options);

// {"records":..,"bytes":..,"seconds":..,"mb_per_s":..,"p50_us":..,...} on standard output.
void print_result(uint64_t records, uint64_t bytes, int64_t microseconds,
                  const Histogram& latencies);

}  // namespace thalweg::load
