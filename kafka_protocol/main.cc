// The composition root: the `thalweg` binary. It reads the command line, says what a broker is made
// of, and leaves the rest to server::serve().
#include <unistd.h>

#include <iostream>

#include "kafka_protocol/broker_backend.h"
#include "kafka_protocol/server/cli.h"
#include "kafka_protocol/storage/replace_store_command.h"
#include "kafka_protocol/storage/store_command.h"

int main(int argc, char** argv) {
  int exit_code = thalweg::server::kExitDone;
  const auto invocation =
      thalweg::server::parse_command_line(argc, argv, environ, std::cout, std::cerr, exit_code);
  if (!invocation) return exit_code;
  if (invocation->command == thalweg::server::Command::kCheckStore) {
    return thalweg::storage::check_store_command(invocation->config, std::cout, std::cerr);
  }
  if (invocation->command == thalweg::server::Command::kReplaceStore) {
    return thalweg::storage::replace_store_command(invocation->config, invocation->url, std::cout,
                                                   std::cerr);
  }
  return thalweg::server::serve(invocation->config, thalweg::BrokerBackend::open, std::cout,
                                std::cerr);
}
