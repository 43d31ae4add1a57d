#include "streamcore/object_store/s3/sigv4.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "streamcore/base/check.h"
#include "streamcore/object_store/s3/hex.h"

namespace thalweg::object_store::s3 {

namespace {

constexpr size_t kHashBytes = 32;
using Hash = std::array<unsigned char, kHashBytes>;

Hash sha256(std::string_view text) {
  Hash hash;
  unsigned int length = 0;
  CHECK(EVP_Digest(text.data(), text.size(), hash.data(), &length, EVP_sha256(), nullptr) == 1);
  CHECK_EQ(length, kHashBytes);
  return hash;
}

Hash hmac(std::string_view key, std::string_view text) {
  Hash hash;
  unsigned int length = 0;
  CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(), hash.data(),
             &length) != nullptr);
  CHECK_EQ(length, kHashBytes);
  return hash;
}

std::string_view chars(const Hash& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

void append_number(std::string& text, unsigned value, size_t digits) {
  const std::string number = std::to_string(value);
  text.append(digits - std::min(digits, number.size()), '0');
  text += number;
}

// Without spaces at its ends, and with one where there were several.
std::string trimmed(std::string_view value) {
  std::string text;
  for (const char c : value) {
    if (c == ' ' && (text.empty() || text.back() == ' ')) continue;
    text += c;
  }
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

struct CanonicalHeaders {
  std::string lines;
  std::string names;
};

CanonicalHeaders canonical_headers(Headers headers) {
  std::ranges::sort(headers);
  CanonicalHeaders canonical;
  for (const auto& [name, value] : headers) {
    canonical.lines += name + ":" + trimmed(value) + "\n";
    canonical.names += (canonical.names.empty() ? "" : ";") + name;
  }
  return canonical;
}

Hash signing_key(const SigningScope& scope, const Credentials& credentials, std::string_view day) {
  const Hash date = hmac("AWS4" + credentials.secret_access_key.reveal(), day);
  const Hash region = hmac(chars(date), scope.region);
  const Hash service = hmac(chars(region), scope.service);
  return hmac(chars(service), "aws4_request");
}

}  // namespace

std::string percent_encode(std::string_view text, bool keep_slash) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  constexpr std::string_view kPlain = "-._~";
  std::string encoded;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool digit = c >= '0' && c <= '9';
    if (letter || digit || kPlain.contains(c) || (keep_slash && c == '/')) {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += kDigits[byte >> 4];
    encoded += kDigits[byte & 15];
  }
  return encoded;
}

std::string canonical_query(Query query) {
  for (auto& [name, value] : query) {
    name = percent_encode(name, false);
    value = percent_encode(value, false);
  }
  std::ranges::sort(query);
  std::string text;
  for (const auto& [name, value] : query) {
    text += (text.empty() ? "" : "&") + name + "=" + value;
  }
  return text;
}

std::string amz_time(base::Timestamp at) {
  using std::chrono::days;
  using std::chrono::milliseconds;
  const std::chrono::sys_time<milliseconds> time{milliseconds(at)};
  const auto day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  std::string text;
  append_number(text, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  append_number(text, static_cast<unsigned>(date.month()), 2);
  append_number(text, static_cast<unsigned>(date.day()), 2);
  text += 'T';
  append_number(text, static_cast<unsigned>(clock.hours().count()), 2);
  append_number(text, static_cast<unsigned>(clock.minutes().count()), 2);
  append_number(text, static_cast<unsigned>(clock.seconds().count()), 2);
  return text + 'Z';
}

std::string authorization(const SignedRequest& request, const SigningScope& scope,
                          const Credentials& credentials, base::Timestamp at,
                          std::string_view payload_hash) {
  const std::string time = amz_time(at);
  const std::string day = time.substr(0, 8);
  const std::string scope_text = day + "/" + scope.region + "/" + scope.service + "/aws4_request";
  const CanonicalHeaders headers = canonical_headers(request.headers);
  const std::string canonical = request.method + "\n" + request.path + "\n" + request.query + "\n" +
                                headers.lines + "\n" + headers.names + "\n" +
                                std::string(payload_hash);
  const std::string to_sign =
      "AWS4-HMAC-SHA256\n" + time + "\n" + scope_text + "\n" + hex(sha256(canonical));
  const Hash key = signing_key(scope, credentials, day);
  return "AWS4-HMAC-SHA256 Credential=" + credentials.access_key_id + "/" + scope_text +
         ", SignedHeaders=" + headers.names + ", Signature=" + hex(hmac(chars(key), to_sign));
}

}  // namespace thalweg::object_store::s3
