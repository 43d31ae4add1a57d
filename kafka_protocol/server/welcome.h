// The text a started broker prints: where it listens, what it tells clients, and four commands to
// try.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kafka_protocol/server/listener.h"

namespace thalweg::server {

std::string welcome(const std::vector<std::unique_ptr<Listener>>& listeners,
                    const std::string& data_dir);

}  // namespace thalweg::server
