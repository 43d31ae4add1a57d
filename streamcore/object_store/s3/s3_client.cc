#include "streamcore/object_store/s3/s3_client.h"

#include <algorithm>
#include <utility>

#include "streamcore/base/log.h"
#include "streamcore/object_store/s3/s3_answer.h"

namespace thalweg::object_store::s3 {

using base::ErrorCode;

namespace {

constexpr base::Duration kAttemptTimeMin = std::chrono::milliseconds(100);

bool is_answer(const HttpResponse& response, const S3Request& request) {
  const int status = response.status;
  if (status >= 200 && status < 300) return true;
  if (status == 412 || status == 416) return true;
  if (request.method == "POST") return is_unknown_operation(response);
  return status == 404 && !request.key.empty() && code_of(response) != "NoSuchBucket";
}

// Deletes and what is larger than a chunk are in nobody's way.
std::optional<AnswerClass> class_of(const S3Request& request, const HedgeLimits& limits) {
  if (request.method == "GET") return request.key.empty() ? AnswerClass::kList : AnswerClass::kGet;
  if (request.method == "HEAD") return AnswerClass::kHead;
  const uint64_t bytes = request.body.size();
  if (request.method != "PUT" || bytes > limits.body_bytes_max) return std::nullopt;
  if (bytes <= kSmallBodyBytesMax) return AnswerClass::kPutSmall;
  return bytes <= kMediumBodyBytesMax ? AnswerClass::kPutMedium : AnswerClass::kPutLarge;
}

RequestKind kind_of(const S3Request& request) {
  if (request.method == "PUT") return RequestKind::kPut;
  if (request.method == "HEAD") return RequestKind::kHead;
  if (request.method != "GET") return RequestKind::kDelete;
  return request.key.empty() ? RequestKind::kList : RequestKind::kGet;
}

std::string describe(const S3Config& config, const S3Request& request) {
  const std::string key = request.key.empty() ? "" : " " + request.key.substr(config.prefix.size());
  return config.name() + ": " + request.method + key + ": ";
}

}  // namespace

base::Result<std::unique_ptr<S3Client>> S3Client::make(S3Parts parts, S3Config config,
                                                       S3Limits limits) {
  limits.http.ca_file = config.ca_file;
  std::unique_ptr<S3Client> client(new S3Client(parts, std::move(config), limits));
  client->http_ = TRY(HttpClient::make(parts.executor, parts.poller, limits.http));
  client->credentials_ = std::make_unique<CredentialSource>(
      parts.executor, parts.clock, *client->http_, client->config_.credentials);
  client->sender_ = std::make_unique<HedgedSender>(parts.executor, *client->http_, client->budget_,
                                                   limits.hedges);
  return client;
}

base::Task<base::Result<HttpResponse>> S3Client::call(S3Request request) {
  base::Result<HttpResponse> outcome = co_await repeat(request);
  if (outcome && !is_answer(*outcome, request)) {
    outcome = base::fail(ErrorCode::kUnavailable, reason(*outcome));
  }
  if (!outcome) outcome.error().message.insert(0, describe(config_, request));
  note_outcome(outcome);
  co_return outcome;
}

// The last attempt's outcome, whatever it is.
base::Task<base::Result<HttpResponse>> S3Client::repeat(const S3Request& request) {
  budget_.earn();
  const base::TimePoint deadline = parts_.executor.now() + time_for(request);
  const auto answer_class = class_of(request, limits_.hedges);
  RequestCounts::Kind& counts = counts_.of(request.area, kind_of(request));
  if (pauses_.stopping()) co_return base::fail(ErrorCode::kUnavailable, "the store is stopping");
  for (int attempt = 1;; ++attempt) {
    const Credentials credentials = CO_TRY(co_await credentials_->get());
    HttpRequest http = signed_request(request, credentials);
    http.time_max = deadline - parts_.executor.now();
    base::Result<HttpResponse> outcome =
        co_await sender_->send(std::move(http), answer_class, counts);
    if (outcome && has_expired(*outcome)) credentials_->expired();
    const bool by_another_time = told_the_time(outcome);
    if (outcome && !by_another_time && !may_repeat(*outcome)) co_return outcome;
    if (!outcome && outcome.error().code == ErrorCode::kCorrupt) {
      // An earlier attempt may have sent it when it was sound.
      if (attempt > 1) outcome.error().code = ErrorCode::kUnavailable;
      co_return outcome;
    }
    const bool slow_down = outcome.has_value() && asks_to_slow_down(*outcome);
    const base::Duration wait = pause(attempt, slow_down);
    const bool in_time = parts_.executor.now() + wait + kAttemptTimeMin < deadline;
    if (!in_time || attempt == limits_.attempts_max || !budget_.take_repetition())
      co_return outcome;
    if (!co_await pauses_.sleep_for(wait)) co_return outcome;
    ++counts.repetitions;
  }
}

HttpRequest S3Client::signed_request(const S3Request& request, const Credentials& credentials) {
  const base::Timestamp now = server_clock_.now_for(parts_.clock.wall_now());
  SignedRequest to_sign{.method = request.method,
                        .path = "/",
                        .query = canonical_query(request.query),
                        .headers = request.headers};
  if (config_.path_style) to_sign.path += config_.bucket + (request.key.empty() ? "" : "/");
  to_sign.path += percent_encode(request.key, true);
  to_sign.headers.emplace_back("host", config_.host);
  to_sign.headers.emplace_back("x-amz-content-sha256", kUnsignedPayload);
  to_sign.headers.emplace_back("x-amz-date", amz_time(now));
  if (!credentials.session_token.empty()) {
    to_sign.headers.emplace_back("x-amz-security-token", credentials.session_token.reveal());
  }
  HttpRequest http{.method = request.method,
                   .url = config_.scheme + "://" + config_.host + to_sign.path,
                   .headers = to_sign.headers,
                   .body = request.body,
                   .stall_max = limits_.stall_max,
                   .answer_bytes_max = std::max(request.answer_bytes_max, kErrorBytesMax)};
  if (!to_sign.query.empty()) http.url += "?" + to_sign.query;
  http.headers.emplace_back("authorization",
                            authorization(to_sign, {.region = config_.region}, credentials, now));
  return http;
}

base::Duration S3Client::time_for(const S3Request& request) const {
  const uint64_t bytes = request.answer_bytes_max + request.body.size();
  return limits_.call_time_max +
         std::chrono::milliseconds(bytes * 1000 / limits_.bytes_per_second_min);
}

// Anything between nothing and twice as much as the last time: those who failed together do not
// come back together.
base::Duration S3Client::pause(int attempt, bool slow_down) {
  const base::Duration most =
      std::min((slow_down ? limits_.slow_down_pause_min : limits_.pause_min) * (1 << (attempt - 1)),
               slow_down ? limits_.slow_down_pause_max : limits_.pause_max);
  return base::Duration(parts_.random.below(most.count() + 1));
}

// True if the request was refused, perhaps for its time, and is to be signed by another.
bool S3Client::told_the_time(const base::Result<HttpResponse>& outcome) {
  const base::Timestamp now = parts_.clock.wall_now();
  if (!outcome || !server_clock_.note(*outcome, now)) return false;
  base::log_warn("requests are signed by the server's time from now on, " + config_.name() + ": " +
                 describe_skew(*server_clock_.ahead_ms(), now));
  return true;
}

void S3Client::note_outcome(const base::Result<HttpResponse>& outcome) {
  const bool is_its_fault = outcome || outcome.error().code != ErrorCode::kCorrupt;
  if (outcome.has_value() != failing_ || !is_its_fault) return;
  failing_ = !outcome.has_value();
  if (failing_) {
    base::log_warn("object store fails: " + outcome.error().message);
  } else {
    base::log_info("object store answers again: " + config_.name());
  }
}

}  // namespace thalweg::object_store::s3
