#include "streamcore/object_store/s3/s3_client.h"

#include <algorithm>
#include <utility>

#include "streamcore/base/log.h"
#include "streamcore/object_store/s3/xml_text.h"

namespace thalweg::object_store::s3 {

using base::ErrorCode;

namespace {

constexpr size_t kReasonBytesMax = 300;
constexpr base::Duration kAttemptTimeMin = std::chrono::milliseconds(100);

// Servers' words in our messages: one line, not too long.
std::string printable(std::string text) {
  text.resize(std::min(text.size(), kReasonBytesMax));
  for (char& c : text) {
    if (c < ' ' || c > '~') c = ' ';
  }
  return text;
}

// Only the code and the message: other parts of the document repeat what was signed.
std::string reason(const HttpResponse& response) {
  std::string text = "HTTP " + std::to_string(response.status);
  const std::string_view body = base::as_chars(response.body.bytes);
  if (const auto code = element_text(body, "Code"); !code.empty()) text += " " + printable(code);
  if (const auto message = element_text(body, "Message"); !message.empty()) {
    text += ": " + printable(message);
  }
  if (const auto region = response.header("x-amz-bucket-region"); !region.empty()) {
    text += " (the bucket is in " + printable(std::string(region)) + ")";
  }
  return text;
}

std::string code_of(const HttpResponse& response) {
  return element_text(base::as_chars(response.body.bytes), "Code");
}

bool is_answer(const HttpResponse& response, const S3Request& request) {
  const int status = response.status;
  if (status >= 200 && status < 300) return true;
  if (status == 412 || status == 416) return true;
  return status == 404 && !request.key.empty() && code_of(response) != "NoSuchBucket";
}

bool asks_to_slow_down(const HttpResponse& response) {
  return response.status == 503 || response.status == 429;
}

bool has_expired(const HttpResponse& response) { return code_of(response) == "ExpiredToken"; }

bool may_repeat(const HttpResponse& response) {
  return response.status >= 500 || response.status == 409 || response.status == 429 ||
         code_of(response) == "RequestTimeout" || has_expired(response);
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
  earned_ = std::min(earned_ + 1, kRequestsPerRepetition * kRepetitionsReserve);
  const base::TimePoint deadline = parts_.executor.now() + time_for(request);
  if (pauses_.stopping()) co_return base::fail(ErrorCode::kUnavailable, "the store is stopping");
  for (int attempt = 1;; ++attempt) {
    const Credentials credentials = CO_TRY(co_await credentials_->get());
    HttpRequest http = signed_request(request, credentials);
    http.time_max = deadline - parts_.executor.now();
    base::Result<HttpResponse> outcome = co_await http_->send(std::move(http));
    if (outcome && has_expired(*outcome)) credentials_->expired();
    if (outcome && !may_repeat(*outcome)) co_return outcome;
    if (!outcome && outcome.error().code == ErrorCode::kCorrupt) {
      // An earlier attempt may have sent it when it was sound.
      if (attempt > 1) outcome.error().code = ErrorCode::kUnavailable;
      co_return outcome;
    }
    const bool slow_down = outcome.has_value() && asks_to_slow_down(*outcome);
    const base::Duration wait = pause(attempt, slow_down);
    const bool in_time = parts_.executor.now() + wait + kAttemptTimeMin < deadline;
    if (!in_time || attempt == limits_.attempts_max || !take_repetition()) co_return outcome;
    if (!co_await pauses_.sleep_for(wait)) co_return outcome;
  }
}

HttpRequest S3Client::signed_request(const S3Request& request, const Credentials& credentials) {
  const base::Timestamp now = parts_.clock.wall_now();
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

bool S3Client::take_repetition() {
  if (earned_ < kRequestsPerRepetition) return false;
  earned_ -= kRequestsPerRepetition;
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
