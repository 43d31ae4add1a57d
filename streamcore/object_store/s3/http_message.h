// What is asked of an HTTP server and what it answers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "streamcore/base/bytes.h"
#include "streamcore/base/executor.h"
#include "streamcore/base/parts.h"

namespace thalweg::object_store::s3 {

// Name and value; names in lower case.
using Headers = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method;  // GET, HEAD, PUT, POST, DELETE
  std::string url;
  Headers headers{};
  base::Parts body{};             // of a PUT or POST; the bytes live until the answer
  base::Duration time_max{};      // until the last byte of the answer
  base::Duration stall_max{};     // without bytes worth mentioning, either way
  uint64_t answer_bytes_max = 0;  // a longer one is an error
  bool direct = false;            // past any proxy of the environment
};

struct HttpResponse {
  int status = 0;
  Headers headers{};
  base::Slice body;

  // The value of a header, or nothing.
  std::string_view header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
      if (key == name) return value;
    }
    return {};
  }
};

}  // namespace thalweg::object_store::s3
