// s3_stub: an object store that speaks as much of S3 as Thalweg does, on loopback, in memory, with
// the latencies of S3 and next to no work beside them. It checks no signature and no content.
#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdio>
#include <map>

#include "bench/s3/connection.h"

namespace thalweg::s3_stub {

namespace {

namespace asio = boost::asio;

asio::awaitable<void> accept(asio::ip::tcp::acceptor& acceptor, Stub stub) {
  for (;;) {
    asio::ip::tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
    asio::co_spawn(acceptor.get_executor(), serve(std::move(socket), stub), asio::detached);
  }
}

struct Options {
  uint16_t port = 0;
  StorageClass storage_class = StorageClass::kStandard;
  uint64_t seed = 1;
  size_t reserve_mib = 0;
};

int run(const Options& options) {
  BlockPool pool(options.reserve_mib << 20);
  Buckets buckets;
  Latency latency(options.storage_class, options.seed);
  asio::io_context context(1);
  asio::ip::tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), options.port});
  std::printf("listening on 127.0.0.1:%u\n", acceptor.local_endpoint().port());
  std::fflush(stdout);
  asio::co_spawn(context, accept(acceptor, {pool, buckets, latency}), asio::detached);
  asio::signal_set signals(context, SIGTERM, SIGINT);
  signals.async_wait([&context](const boost::system::error_code&, int) { context.stop(); });
  context.run();
  return 0;
}

}  // namespace

}  // namespace thalweg::s3_stub

int main(int argc, char** argv) {
  using thalweg::s3_stub::StorageClass;
  thalweg::s3_stub::Options options;
  CLI::App app{
      "Object storage in memory with the latencies of S3, on loopback. Counts: GET /_counts."};
  const std::map<std::string, StorageClass> classes{{"none", StorageClass::kNone},
                                                    {"standard", StorageClass::kStandard},
                                                    {"express", StorageClass::kExpress}};
  app.add_option("--port", options.port, "0 = any that is free; it is printed");
  app.add_option(
         "--class", options.storage_class,
         "whose latencies: standard, express or none; a bucket named *--x-s3 has those of express")
      ->transform(CLI::CheckedTransformer(classes));
  app.add_option("--seed", options.seed, "of the latencies");
  app.add_option("--reserve-mib", options.reserve_mib, "memory of bodies that is made ready first");
  CLI11_PARSE(app, argc, argv);
  return thalweg::s3_stub::run(options);
}
