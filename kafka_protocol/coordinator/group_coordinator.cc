#include "kafka_protocol/coordinator/group_coordinator.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "streamcore/base/check.h"
#include "streamcore/base/log.h"

namespace thalweg::coordinator {

using base::Task;

namespace {

using JoinAnswer = base::OneShot<wire::JoinGroupResponse>;
using SyncAnswer = base::OneShot<wire::SyncGroupResponse>;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// An empty filter passes everything; names are compared without case.
bool passes(const std::vector<std::string_view>& filter, std::string_view name) {
  return filter.empty() || std::any_of(filter.begin(), filter.end(), [&](std::string_view wanted) {
           return lower(wanted) == lower(name);
         });
}

// The first code point of a UTF-8 text, taken off its front; U+FFFD for a byte that is no UTF-8.
uint32_t take_code_point(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  uint32_t code_point = length == 1 ? lead : lead & (0x7fu >> length);
  bool valid = length == 1 || (lead >= 0xc2 && lead < 0xf5);
  for (size_t i = 1; valid && i < length; ++i) {
    valid = i < text.size() && (static_cast<unsigned char>(text[i]) & 0xc0) == 0x80;
    if (valid) code_point = code_point << 6 | (static_cast<unsigned char>(text[i]) & 0x3f);
  }
  text.remove_prefix(valid ? length : 1);
  return valid ? code_point : 0xfffd;
}

constexpr std::string_view kClassicType = "classic";

}  // namespace

int32_t offsets_partition_of(std::string_view group_id, int32_t partition_count) {
  uint32_t hash = 0;  // java.lang.String.hashCode
  const auto add = [&hash](uint32_t utf16_unit) { hash = 31 * hash + utf16_unit; };
  while (!group_id.empty()) {
    const uint32_t code_point = take_code_point(group_id);
    if (code_point < 0x10000) {
      add(code_point);
    } else {
      add(0xd800 + ((code_point - 0x10000) >> 10));
      add(0xdc00 + (code_point & 0x3ff));
    }
  }
  return static_cast<int32_t>(hash & 0x7fffffff) % partition_count;
}

GroupCoordinator::GroupCoordinator(Parts parts, CoordinatorOptions options)
    : executor_(parts.executor),
      clock_(parts.clock),
      random_(parts.random),
      log_(parts.log),
      options_(options),
      writer_(parts.executor, parts.log, *this, options.rewrite_records_min),
      write_done_(parts.executor),
      tasks_(parts.executor) {}

GroupCoordinator::~GroupCoordinator() {
  for (auto& [id, entry] : groups_) cancel_timer(*entry);
}

Instant GroupCoordinator::now() { return {executor_.now(), clock_.wall_now()}; }

std::optional<KafkaError> GroupCoordinator::not_ready() const {
  switch (phase_) {
    case Phase::kActive: return std::nullopt;
    case Phase::kLoading: return KafkaError::kCoordinatorLoadInProgress;
    case Phase::kLost: return KafkaError::kNotCoordinator;
  }
  return KafkaError::kNotCoordinator;
}

GroupCoordinator::Entry* GroupCoordinator::find(std::string_view group_id) const {
  const auto at = groups_.find(group_id);
  return at == groups_.end() ? nullptr : at->second.get();
}

GroupCoordinator::Entry& GroupCoordinator::find_or_create(std::string_view group_id) {
  if (Entry* entry = find(group_id); entry != nullptr) return *entry;
  std::string id(group_id);
  GroupOutput& output = *this;  // a private base, out of make_unique's sight
  auto entry = std::make_unique<Entry>(id, options_.groups, output, now());
  return *groups_.emplace(std::move(id), std::move(entry)).first->second;
}

void GroupCoordinator::settle(Entry& entry) {
  if (!drop_if_nothing(entry)) arm_timer(entry);
}

bool GroupCoordinator::drop_if_nothing(Entry& entry) {
  const Group& group = entry.group;
  if (group.state() != GroupState::kEmpty || group.pending_count() > 0 || entry.stored ||
      !entry.offsets.empty() || entry.writes_in_flight > 0) {
    return false;
  }
  cancel_timer(entry);
  groups_.erase(groups_.find(group.id()));
  return true;
}

void GroupCoordinator::arm_timer(Entry& entry) {
  const auto deadline = entry.group.deadline();
  // A timer that comes too early looks again; only one that would come too late is moved.
  if (!deadline || (entry.timer != 0 && entry.timer_at <= *deadline)) return;
  cancel_timer(entry);
  entry.timer_at = *deadline;
  const auto delay = std::max(*deadline - executor_.now(), base::Duration::zero());
  entry.timer = executor_.run_after(delay, [this, &entry] {
    entry.timer = 0;
    entry.group.on_time(now());
    settle(entry);
  });
}

void GroupCoordinator::cancel_timer(Entry& entry) {
  if (entry.timer != 0) executor_.cancel(std::exchange(entry.timer, 0));
}

// The prefix, cut off between code points, then a random UUID (RFC 9562 version 4).
std::string GroupCoordinator::fresh_member_id(std::string_view prefix) {
  constexpr char kHex[] = "0123456789abcdef";
  uint64_t words[2] = {random_.next(), random_.next()};
  words[0] = (words[0] & ~uint64_t{0xf000}) | 0x4000;
  words[1] = (words[1] & ~(uint64_t{3} << 62)) | uint64_t{2} << 62;
  size_t length = std::min(prefix.size(), kMemberIdPrefixMax);
  while (length > 0 && length < prefix.size() && (prefix[length] & 0xc0) == 0x80) --length;
  std::string id(prefix.substr(0, length));
  for (int digit = 0; digit < 32; ++digit) {
    if (digit == 0 || digit == 8 || digit == 12 || digit == 16 || digit == 20) id += '-';
    id += kHex[(words[digit / 16] >> (60 - 4 * (digit % 16))) & 0xf];
  }
  return id;
}

void GroupCoordinator::remember_pending(std::string group_id, std::string member_id) {
  pending_bytes_ += group_id.size() + member_id.size();
  pending_.emplace_back(std::move(group_id), std::move(member_id));
  while (pending_.size() > kPendingMembersMax || pending_bytes_ > kPendingBytesMax) {
    const auto [oldest_group, oldest] = std::move(pending_.front());
    pending_.pop_front();
    pending_bytes_ -= oldest_group.size() + oldest.size();
    Entry* entry = find(oldest_group);
    if (entry == nullptr) continue;
    entry->group.forget_pending(oldest, now());
    settle(*entry);
  }
}

Task<wire::JoinGroupResponse> GroupCoordinator::join_group(JoiningClient client,
                                                           const wire::JoinGroupRequest& request) {
  if (request.group_id.empty()) {
    co_return join_error(KafkaError::kInvalidGroupId, request.member_id);
  }
  if (const auto error = not_ready()) co_return join_error(*error, request.member_id);
  const Milliseconds session(request.session_timeout_ms);
  if (session < options_.groups.session_timeout_min ||
      session > options_.groups.session_timeout_max) {
    co_return join_error(KafkaError::kInvalidSessionTimeout, request.member_id);
  }
  if (!request.member_id.empty() && find(request.group_id) == nullptr) {
    co_return join_error(KafkaError::kUnknownMemberId, request.member_id);
  }
  JoinContext context{.version = client.version,
                      .client_id = std::move(client.client_id),
                      .client_host = std::move(client.client_host),
                      .fresh_member_id = {}};
  if (request.member_id.empty()) {
    context.fresh_member_id =
        fresh_member_id(request.group_instance_id ? *request.group_instance_id
                                                  : std::string_view(context.client_id));
  }
  Entry& entry = find_or_create(request.group_id);
  // Shared: the client may be gone before the group answers.
  const auto answer = std::make_shared<JoinAnswer>(executor_);
  entry.group.join(context, request, now(), [answer](wire::JoinGroupResponse response) {
    answer->set(std::move(response));
  });
  const bool pending = entry.group.is_pending(context.fresh_member_id);
  settle(entry);
  if (pending) {
    remember_pending(std::string(request.group_id), std::move(context.fresh_member_id));
  }
  co_await answer->wait();
  co_return answer->value();
}

Task<wire::SyncGroupResponse> GroupCoordinator::sync_group(const wire::SyncGroupRequest& request) {
  if (request.group_id.empty()) co_return sync_error(KafkaError::kInvalidGroupId);
  if (const auto error = not_ready()) {
    // Kafka: a member that syncs while the group loads rejoins, its generation cannot have been
    // finished.
    co_return sync_error(*error == KafkaError::kCoordinatorLoadInProgress
                             ? KafkaError::kRebalanceInProgress
                             : *error);
  }
  Entry* entry = find(request.group_id);
  if (entry == nullptr) co_return sync_error(KafkaError::kUnknownMemberId);
  const auto answer = std::make_shared<SyncAnswer>(executor_);
  entry->group.sync(request, now(), [answer](wire::SyncGroupResponse response) {
    answer->set(std::move(response));
  });
  settle(*entry);
  co_await answer->wait();
  co_return answer->value();
}

wire::HeartbeatResponse GroupCoordinator::heartbeat(const wire::HeartbeatRequest& request) {
  wire::HeartbeatResponse response;
  if (request.group_id.empty()) {
    response.error_code = KafkaError::kInvalidGroupId;
  } else if (phase_ == Phase::kLoading) {
    response.error_code = KafkaError::kNone;  // B36: nobody is thrown out for our loading
  } else if (phase_ == Phase::kLost) {
    response.error_code = KafkaError::kNotCoordinator;
  } else if (Entry* entry = find(request.group_id); entry == nullptr) {
    response.error_code = KafkaError::kUnknownMemberId;
  } else {
    response.error_code = entry->group.heartbeat(request.member_id, request.group_instance_id,
                                                 request.generation_id, now());
  }
  return response;
}

Task<wire::LeaveGroupResponse> GroupCoordinator::leave_group(const wire::LeaveGroupRequest& request,
                                                             int16_t version) {
  wire::LeaveGroupResponse response;
  if (request.group_id.empty()) {
    response.error_code = KafkaError::kInvalidGroupId;
    co_return response;
  }
  if (const auto error = not_ready()) {
    response.error_code = *error;
    co_return response;
  }
  std::vector<wire::LeaveGroupRequest::Member> members = request.members;
  constexpr int16_t kManyMembersSince = 3;
  if (version < kManyMembersSince) {
    members.assign(1, {.member_id = request.member_id, .group_instance_id = {}, .reason = {}});
  }
  std::vector<KafkaError> errors(members.size(), KafkaError::kUnknownMemberId);
  if (Entry* entry = find(request.group_id); entry != nullptr) {
    errors = entry->group.leave(members, now());
    settle(*entry);
  }
  // A group that this left Empty is so durably before anybody is told.
  co_await settled(std::string(request.group_id));
  if (version < kManyMembersSince) {
    response.error_code = errors.front();
    co_return response;
  }
  for (size_t i = 0; i < members.size(); ++i) {
    auto& member = response.members.emplace_back();
    member.member_id = members[i].member_id;
    if (members[i].group_instance_id)
      member.group_instance_id.emplace(*members[i].group_instance_id);
    member.error_code = errors[i];
  }
  co_return response;
}

wire::DescribeGroupsResponse::Group GroupCoordinator::describe_group(std::string_view group_id,
                                                                     int16_t version) const {
  constexpr int16_t kNotFoundSince = 6;
  wire::DescribeGroupsResponse::Group described;
  described.group_id = group_id;
  if (const auto error = not_ready()) {
    described.error_code = *error;
    return described;
  }
  const Entry* entry = find(group_id);
  if (entry != nullptr && entry->group.state() != GroupState::kDead) {
    entry->group.describe(described);
    return described;
  }
  described.group_state = to_string(GroupState::kDead);
  if (version >= kNotFoundSince) {
    described.error_code = KafkaError::kGroupIdNotFound;
    described.error_message = "Group " + std::string(group_id) + " not found.";
  }
  return described;
}

KafkaError GroupCoordinator::list_groups(const wire::ListGroupsRequest& request,
                                         std::vector<wire::ListGroupsResponse::Group>& out) const {
  if (const auto error = not_ready()) return *error;
  if (!passes(request.types_filter, kClassicType)) return KafkaError::kNone;
  for (const auto& [id, entry] : groups_) {
    const auto state = to_string(entry->group.state());
    if (!passes(request.states_filter, state)) continue;
    auto& listed = out.emplace_back();
    listed.group_id = id;
    listed.protocol_type = entry->group.protocol_type();
    listed.group_state = state;
    listed.group_type = kClassicType;
  }
  return KafkaError::kNone;
}

Task<wire::DeleteGroupsResponse::Group> GroupCoordinator::delete_group(std::string group_id) {
  wire::DeleteGroupsResponse::Group result;
  result.group_id = group_id;
  Entry* entry = find(group_id);
  if (const auto error = not_ready()) {
    result.error_code = *error;
  } else if (group_id.empty() || entry == nullptr || entry->group.state() == GroupState::kDead) {
    result.error_code =
        group_id.empty() ? KafkaError::kInvalidGroupId : KafkaError::kGroupIdNotFound;
  } else if (entry->group.state() != GroupState::kEmpty) {
    result.error_code = KafkaError::kNonEmptyGroup;
  } else {
    entry->group.set_dead();  // nothing joins or commits from here on
    co_await settled(group_id);
    result.error_code = co_await delete_dead_group(group_id);
  }
  co_return result;
}

}  // namespace thalweg::coordinator
