#include "kafka_protocol/handlers/describe_groups.h"

#include <unordered_set>

#include "kafka_protocol/handlers/answer_budget.h"
#include "kafka_protocol/handlers/authorized_operations.h"

namespace thalweg::handlers {

using wire::DescribeGroupsResponse;

namespace {

size_t bytes_of(const DescribeGroupsResponse::Group& group) {
  size_t bytes = sizeof(group) + group.group_id.size();
  for (const auto& member : group.members) {
    bytes += sizeof(member) + member.member_metadata.size() + member.member_assignment.size();
  }
  return bytes;
}

}  // namespace

base::Task<base::Result<DescribeGroupsResponse>> describe_groups(
    Broker& broker, const Call& call, const wire::DescribeGroupsRequest& request) {
  DescribeGroupsResponse response;
  AnswerBudget budget;
  std::unordered_set<std::string_view> seen;
  for (const std::string_view group : request.groups) {
    if (budget.turn_is_over()) co_await base::yield(broker.home);
    if (!seen.insert(group).second) continue;
    auto& answer =
        response.groups.emplace_back(broker.groups.describe_group(group, call.version()));
    const bool known = answer.error_code == wire::KafkaError::kNone;
    if (request.include_authorized_operations && known) {
      answer.authorized_operations = kGroupOperations;
    }
    CO_TRY(budget.take(bytes_of(answer)));
  }
  co_return response;
}

}  // namespace thalweg::handlers
