// `thalweg store check URL`: tries a bucket out, and says what it promises and what it does not.
#pragma once

#include <iosfwd>

#include "kafka_protocol/server/config.h"

namespace thalweg::storage {

// Checks the bucket that thalweg.store names, thoroughly. The exit code (server/cli.h).
int check_store_command(const server::Config& config, std::ostream& out, std::ostream& err);

}  // namespace thalweg::storage
