// Credentials: who signs requests. The secret parts are of a type that no log line or message
// takes.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "streamcore/base/clock.h"

namespace thalweg::object_store::s3 {

// Secret: a text that is only ever read by name: reveal() is called where requests are signed and
// sent.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  const std::string& reveal() const { return text_; }
  bool empty() const { return text_.empty(); }

 private:
  std::string text_;
};

struct Credentials {
  std::string access_key_id;
  Secret secret_access_key;
  Secret session_token;  // empty = none
  std::optional<base::Timestamp> expires_at{};
};

}  // namespace thalweg::object_store::s3
