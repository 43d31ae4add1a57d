// What the configuration says to the store of streams.
#pragma once

#include "kafka_protocol/server/config.h"
#include "streamcore/options.h"

namespace thalweg::storage {

StreamStoreOptions store_options(const server::Config& config);

}  // namespace thalweg::storage
