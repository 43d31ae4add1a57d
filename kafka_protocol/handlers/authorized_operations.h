// What a client may do with a resource, as the bit fields of KIP-430: bit n is AclOperation n.
// Without an authorizer all that a resource type supports is allowed
// (AclEntry.supportedOperations).
#pragma once

#include <cstdint>

namespace thalweg::handlers {

// Read 3, Write 4, Create 5, Delete 6, Alter 7, Describe 8, ClusterAction 9, DescribeConfigs 10,
// AlterConfigs 11, IdempotentWrite 12.
inline constexpr int32_t kTopicOperations =
    1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11;
inline constexpr int32_t kClusterOperations =
    1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12;
inline constexpr int32_t kGroupOperations = 1 << 3 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 11;

}  // namespace thalweg::handlers
