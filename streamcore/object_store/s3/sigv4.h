// sigv4: AWS Signature Version 4 in the Authorization header, with the payload unsigned.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
// By hand, because the signer of libcurl 7.88 is refused by servers that check. Pure: no clock, no
// I/O.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "streamcore/base/clock.h"
#include "streamcore/object_store/s3/credentials.h"
#include "streamcore/object_store/s3/http_message.h"

namespace thalweg::object_store::s3 {

using Query = std::vector<std::pair<std::string, std::string>>;

// Everything but letters, digits and -._~ becomes %XX, and so does '/' unless it is kept.
std::string percent_encode(std::string_view text, bool keep_slash);
// "a=1&b=2", sorted and encoded: what is signed, and what is sent behind the '?'.
std::string canonical_query(Query query);
// "20150830T123600Z"
std::string amz_time(base::Timestamp at);

struct SigningScope {
  std::string region;
  std::string service = "s3";
};

struct SignedRequest {
  std::string method;
  std::string path;   // as sent: encoded, beginning with '/'
  std::string query;  // as canonical_query() wrote it
  Headers headers;    // all of them are signed; `host` is among them
};

inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

// The value of the Authorization header. `at` is what x-amz-date among the headers says;
// `payload_hash` is the SHA-256 of the body in hex, or kUnsignedPayload.
std::string authorization(const SignedRequest& request, const SigningScope& scope,
                          const Credentials& credentials, base::Timestamp at,
                          std::string_view payload_hash = kUnsignedPayload);

}  // namespace thalweg::object_store::s3
