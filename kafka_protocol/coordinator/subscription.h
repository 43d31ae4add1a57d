// The topics inside a consumer's JoinGroup metadata. The group protocol treats it as opaque; offset
// expiry is the one place that looks (ConsumerProtocolSubscription: version i16, then an array of
// topic names).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "streamcore/base/bytes.h"

namespace thalweg::coordinator {

inline constexpr std::string_view kConsumerProtocolType = "consumer";

// Appends the topics; false if the bytes are not such a subscription.
bool append_subscribed_topics(base::ByteView metadata, std::vector<std::string>& topics);

}  // namespace thalweg::coordinator
