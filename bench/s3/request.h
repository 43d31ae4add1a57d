// Request: the head of one HTTP request as S3's clients write it, and the small texts in and out.
// Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thalweg::s3_stub {

struct Range {
  uint64_t first = 0;
  uint64_t last = UINT64_MAX;  // of the object's end at most
};

struct Request {
  std::string method;
  std::string bucket;
  std::string key;
  std::map<std::string, std::string> query;
  uint64_t content_length = 0;
  bool if_none_match = false;
  std::optional<Range> range;
  std::string user_metadata;  // x-amz-meta- lines, as they came
};

// `head` ends with its empty line. Nothing if it is no request.
std::optional<Request> parse_request(std::string_view head);

// The texts of all elements <name>; `&lt;` and the like are taken back.
std::vector<std::string> element_texts(std::string_view xml, std::string_view name);
std::string escaped(std::string_view text);

}  // namespace thalweg::s3_stub
