// load: a client on librdkafka that measures, the same program for every broker it is pointed at.
#include <CLI/CLI.hpp>

#include "bench/load/options.h"

int main(int argc, char** argv) {
  thalweg::load::Options options;
  CLI::App app{"A client that measures a broker and prints one line of JSON."};
  app.require_subcommand(1);
  app.fallthrough();
  app.option_defaults()->always_capture_default();
  app.add_option("--brokers", options.brokers, "host:port of the broker");
  app.add_option("--topic", options.topic, "");
  app.add_option("--partitions", options.partitions, "")->check(CLI::Range(1, 1'000'000));
  app.add_option("--size", options.size, "bytes of a value")->check(CLI::Range(8, 1 << 24));
  app.add_option("--seconds", options.seconds, "produce, tail, raw-sync: how long at least");
  app.add_option("--bytes", options.bytes, "produce: value bytes at least");
  app.add_option("--rate", options.rate, "records/s, 0 = as fast as acknowledged");
  app.add_option("--codec", options.codec, "none, gzip, snappy, lz4, zstd");
  app.add_option("--linger", options.linger, "ms");
  app.add_option("--batch-messages", options.batch_messages, "records per batch at most");
  app.add_option("--outstanding", options.outstanding, "records not yet acknowledged, at most")
      ->check(CLI::Range(1, 10'000'000));
  app.add_flag("--json", options.json, "values that compress as JSON does");
  app.add_option("--directory", options.directory, "raw-sync: where");
  int result = 1;
  const auto mode = [&](const char* name, const char* what,
                        int (*run)(const thalweg::load::Options&)) {
    app.add_subcommand(name, what)->callback([&, run] { result = run(options); });
  };
  mode("produce", "acks=all; latency from the call to the acknowledgement", thalweg::load::produce);
  mode("consume", "the whole topic from its beginning", thalweg::load::consume);
  mode("tail", "a paced producer and a consumer at the end", thalweg::load::tail);
  mode("raw-sync", "4 KiB direct writes with fdatasync, no broker", thalweg::load::raw_sync);
  CLI11_PARSE(app, argc, argv);
  return result;
}
