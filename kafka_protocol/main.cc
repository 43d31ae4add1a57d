// The composition root: the `thalweg` binary. It reads the command line, says what a broker is made
// of, and leaves the rest to server::serve().
#include <unistd.h>

#include <iostream>

#include "kafka_protocol/server/cli.h"
#include "kafka_protocol/server/serve.h"

namespace thalweg {
namespace {

base::Result<std::unique_ptr<server::Backend>> open_backend(const server::Config&, server::Cores&) {
  return base::fail(base::ErrorCode::kUnsupported, "this build contains no store to serve from");
}

}  // namespace
}  // namespace thalweg

int main(int argc, char** argv) {
  int exit_code = thalweg::server::kExitDone;
  const auto config =
      thalweg::server::parse_command_line(argc, argv, environ, std::cout, std::cerr, exit_code);
  if (!config) return exit_code;
  return thalweg::server::serve(*config, thalweg::open_backend, std::cout, std::cerr);
}
