// `thalweg store replace URL`: makes an emptied or lost zone of the log a new store in its place.
//
// The configuration is that of the broker, with URL among its three thalweg.chunks. The command
// declares the store that had this place lost and gives the one at URL a marker of its own; brokers
// take it up when they start again. It may run beside a broker if metadata is in a bucket.
#pragma once

#include <iosfwd>
#include <string>

#include "kafka_protocol/server/config.h"

namespace thalweg::storage {

// The exit code (server/cli.h).
int replace_store_command(const server::Config& config, const std::string& url, std::ostream& out,
                          std::ostream& err);

}  // namespace thalweg::storage
