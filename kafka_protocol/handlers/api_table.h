// The API table: every API this broker serves, with its versions and its handler. ApiVersions is
// computed from it.
#pragma once

#include <span>

#include "kafka_protocol/handlers/call.h"
#include "kafka_protocol/wire/version_range.h"

namespace thalweg::handlers {

struct ApiRow {
  int16_t key;
  const char* name;
  wire::VersionRange served;      // any other version closes the connection (B3)
  wire::VersionRange advertised;  // what ApiVersions says
  wire::VersionRange flexible;
  ServeFunction serve;
};

std::span<const ApiRow> api_table();
const ApiRow* find_api(int16_t key);

}  // namespace thalweg::handlers
