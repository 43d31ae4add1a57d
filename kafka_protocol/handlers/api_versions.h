// ApiVersions (18): what this broker serves, computed from the API table.
#pragma once

#include "kafka_protocol/handlers/call.h"
#include "kafka_protocol/wire/frame.h"
#include "kafka_protocol/wire/messages/api_versions.h"

namespace thalweg::handlers {

base::Task<wire::ApiVersionsResponse> api_versions(Broker& broker, const Call& call,
                                                   const wire::ApiVersionsRequest& request);

// The answer to a version we do not know: a v0 body with UNSUPPORTED_VERSION and our own range,
// whatever the request said, so that every client can read it and try again (KIP-511, B1).
server::Response unsupported_api_versions(const server::RequestContext& context);

}  // namespace thalweg::handlers
