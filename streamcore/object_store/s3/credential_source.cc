#include "streamcore/object_store/s3/credential_source.h"

#include <boost/json/parse.hpp>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <utility>

#include "streamcore/base/log.h"

namespace thalweg::object_store::s3 {

using base::ErrorCode;

namespace {

constexpr base::Duration kMetadataTimeMax = std::chrono::seconds(2);
constexpr base::Duration kRefreshPause = std::chrono::seconds(10);
constexpr std::string_view kRolesPath = "/latest/meta-data/iam/security-credentials/";

std::string text_of(const boost::json::object& object, std::string_view name) {
  const boost::json::value* value = object.if_contains(boost::json::string_view(name));
  if (value == nullptr || !value->is_string()) return {};
  return std::string(value->get_string());
}

// "2026-11-26T18:00:00Z"
std::optional<base::Timestamp> parse_time(const std::string& text) {
  int year = 0;
  unsigned month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (std::sscanf(text.c_str(), "%4d-%2u-%2uT%2u:%2u:%2u", &year, &month, &day, &hour, &minute,
                  &second) != 6) {
    return std::nullopt;
  }
  using namespace std::chrono;
  const year_month_day date{std::chrono::year(year), std::chrono::month(month),
                            std::chrono::day(day)};
  if (!date.ok()) return std::nullopt;
  const auto time = sys_days(date) + hours(hour) + minutes(minute) + seconds(second);
  return duration_cast<milliseconds>(time.time_since_epoch()).count();
}

std::string first_line(std::string text) { return text.substr(0, text.find_first_of("\r\n")); }

}  // namespace

base::Result<Credentials> parse_metadata_credentials(std::string_view json) {
  boost::json::error_code error;
  const boost::json::value value = boost::json::parse(boost::json::string_view(json), error);
  if (error || !value.is_object()) {
    return base::fail(ErrorCode::kUnavailable, "credentials from metadata: not a JSON object");
  }
  const boost::json::object& object = value.get_object();
  Credentials found{.access_key_id = text_of(object, "AccessKeyId"),
                    .secret_access_key = Secret(text_of(object, "SecretAccessKey")),
                    .session_token = Secret(text_of(object, "Token"))};
  if (found.access_key_id.empty() || found.secret_access_key.empty()) {
    return base::fail(ErrorCode::kUnavailable, "credentials from metadata: the keys are missing");
  }
  const std::string expiration = text_of(object, "Expiration");
  if (expiration.empty()) return found;
  found.expires_at = parse_time(expiration);
  if (!found.expires_at) {
    return base::fail(ErrorCode::kUnavailable, "credentials from metadata: Expiration is no time");
  }
  return found;
}

CredentialSource::CredentialSource(base::Executor& executor, base::Clock& clock, HttpClient& http,
                                   CredentialsConfig config)
    : executor_(executor),
      clock_(clock),
      http_(http),
      config_(std::move(config)),
      current_(config_.fixed),
      refreshed_(executor) {}

bool CredentialSource::last_for(base::Timestamp ms) const {
  return current_ && (!current_->expires_at || clock_.wall_now() + ms < *current_->expires_at);
}

void CredentialSource::expired() {
  if (current_ && current_->expires_at) current_->expires_at = 0;
}

base::Task<base::Result<Credentials>> CredentialSource::get() {
  if (last_for(kRefreshAheadMs)) co_return *current_;
  if (last_for(0) && (refreshing_ || executor_.now() < next_refresh_)) co_return *current_;
  if (!refreshing_) co_return co_await refresh();
  co_await refreshed_.wait();
  if (last_for(0)) co_return *current_;
  co_return base::fail(ErrorCode::kUnavailable, "the credentials could not be refreshed");
}

base::Task<base::Result<Credentials>> CredentialSource::refresh() {
  refreshing_ = true;
  auto fetched = co_await fetch();
  refreshing_ = false;
  refreshed_.notify_all();
  if (fetched) {
    current_ = *fetched;
    co_return fetched;
  }
  next_refresh_ = executor_.now() + kRefreshPause;
  if (!last_for(0)) co_return fetched;
  base::log_warn("credentials end soon and cannot be refreshed: " + fetched.error().message);
  co_return *current_;
}

base::Task<base::Result<Credentials>> CredentialSource::fetch() {
  if (!config_.container_url.empty()) co_return co_await from_container();
  if (!config_.metadata_url.empty()) {
    auto found = co_await from_instance();
    if (found) co_return found;
  }
  co_return base::fail(ErrorCode::kUnavailable, "no credentials; looked for " + config_.searched);
}

base::Task<base::Result<Credentials>> CredentialSource::from_container() {
  HttpRequest request{.method = "GET", .url = config_.container_url};
  std::string token = config_.container_token.reveal();
  if (!config_.container_token_file.empty()) {
    // It is replaced while the process lives; a few hundred bytes, kept in memory by who mounts it.
    std::ifstream file(config_.container_token_file, std::ios::binary);
    token = first_line({std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()});
  }
  if (!token.empty()) request.headers.emplace_back("authorization", token);
  const std::string body = CO_TRY(co_await ask(std::move(request)));
  co_return parse_metadata_credentials(body);
}

// Version 2 of the service: a session token first, then the role, then its credentials.
base::Task<base::Result<Credentials>> CredentialSource::from_instance() {
  const std::string token =
      CO_TRY(co_await ask({.method = "PUT",
                           .url = config_.metadata_url + "/latest/api/token",
                           .headers = {{"x-aws-ec2-metadata-token-ttl-seconds", "21600"}}}));
  const Headers headers = {{"x-aws-ec2-metadata-token", token}};
  const std::string roles_url = config_.metadata_url + std::string(kRolesPath);
  const std::string role =
      first_line(CO_TRY(co_await ask({.method = "GET", .url = roles_url, .headers = headers})));
  const std::string body =
      CO_TRY(co_await ask({.method = "GET", .url = roles_url + role, .headers = headers}));
  co_return parse_metadata_credentials(body);
}

base::Task<base::Result<std::string>> CredentialSource::ask(HttpRequest request) {
  request.time_max = request.stall_max = kMetadataTimeMax;
  request.answer_bytes_max = kCredentialsBytesMax;
  request.direct = true;
  const HttpResponse response = CO_TRY(co_await http_.send(std::move(request)));
  if (response.status != 200) {
    co_return base::fail(ErrorCode::kUnavailable,
                         "credentials from metadata: HTTP " + std::to_string(response.status));
  }
  co_return std::string(base::as_chars(response.body.bytes));
}

}  // namespace thalweg::object_store::s3
