// DeleteTopics (20): by name, or by id from v6 on.
#pragma once

#include "kafka_protocol/handlers/call.h"
#include "kafka_protocol/wire/messages/delete_topics.h"

namespace thalweg::handlers {

base::Task<wire::DeleteTopicsResponse> delete_topics(Broker& broker, const Call& call,
                                                     const wire::DeleteTopicsRequest& request);

}  // namespace thalweg::handlers
