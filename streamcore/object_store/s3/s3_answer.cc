#include "streamcore/object_store/s3/s3_answer.h"

#include <algorithm>

#include "streamcore/object_store/s3/xml_text.h"

namespace thalweg::object_store::s3 {

namespace {

constexpr size_t kReasonBytesMax = 300;

// Servers' words in our messages: one line, not too long.
std::string printable(std::string text) {
  text.resize(std::min(text.size(), kReasonBytesMax));
  for (char& c : text) {
    if (c < ' ' || c > '~') c = ' ';
  }
  return text;
}

}  // namespace

std::string code_of(const HttpResponse& response) {
  if (response.status < 400) return {};  // its body is an object
  return element_text(base::as_chars(response.body.bytes), "Code");
}

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

bool asks_to_slow_down(const HttpResponse& response) {
  return response.status == 503 || response.status == 429;
}

bool has_expired(const HttpResponse& response) { return code_of(response) == "ExpiredToken"; }

bool is_unknown_operation(const HttpResponse& response) {
  const bool wrong = response.status == 400 && !may_repeat(response);
  return wrong || response.status == 405 || response.status == 501;
}

bool may_repeat(const HttpResponse& response) {
  if (response.status == 501) return false;
  return response.status >= 500 || response.status == 409 || response.status == 429 ||
         code_of(response) == "RequestTimeout" || has_expired(response);
}

}  // namespace thalweg::object_store::s3
