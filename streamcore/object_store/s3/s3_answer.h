// s3_answer: what the answers of S3 mean, whatever was asked. Pure.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
#pragma once

#include <string>

#include "streamcore/object_store/s3/http_message.h"

namespace thalweg::object_store::s3 {

// The code of a refusal, or nothing.
std::string code_of(const HttpResponse& response);
// A refusal in words: of its document only code and message, for the rest repeats what was signed.
std::string reason(const HttpResponse& response);

bool asks_to_slow_down(const HttpResponse& response);
bool has_expired(const HttpResponse& response);
// The server does not do such a thing, or not asked for like this.
bool is_unknown_operation(const HttpResponse& response);
// Whether another attempt may hear something else.
bool may_repeat(const HttpResponse& response);

}  // namespace thalweg::object_store::s3
