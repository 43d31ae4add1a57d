// credentials_file: the file AWS tools share, ~/.aws/credentials.
//
//   [default]
//   aws_access_key_id = ...
//   aws_secret_access_key = ...
//   aws_session_token = ...
//
// https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "streamcore/object_store/s3/credentials.h"

namespace thalweg::object_store::s3 {

// The credentials of `profile`; nothing if the file does not name both keys for it.
std::optional<Credentials> credentials_of_profile(std::string_view text, std::string_view profile);

}  // namespace thalweg::object_store::s3
