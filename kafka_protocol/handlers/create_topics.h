// CreateTopics (19): all topics of a request in one transaction.
#pragma once

#include "kafka_protocol/handlers/call.h"
#include "kafka_protocol/wire/messages/create_topics.h"

namespace thalweg::handlers {

base::Task<wire::CreateTopicsResponse> create_topics(Broker& broker, const Call& call,
                                                     const wire::CreateTopicsRequest& request);

}  // namespace thalweg::handlers
