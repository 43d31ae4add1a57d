// DescribeConfigs (32): every config of a topic or of this broker, with its source.
#pragma once

#include "kafka_protocol/handlers/call.h"
#include "kafka_protocol/wire/messages/describe_configs.h"

namespace thalweg::handlers {

base::Task<base::Result<wire::DescribeConfigsResponse>> describe_configs(
    Broker& broker, const Call& call, const wire::DescribeConfigsRequest& request);

}  // namespace thalweg::handlers
