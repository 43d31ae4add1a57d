// Buckets: objects in memory, and what S3 answers about them. A bucket is there once it is named.
//
// Requests are counted by bucket, by the first component of the key (Thalweg's tells what an object
// is for) and by kind. A request takes effect when it has arrived whole; the answer comes later.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "bench/s3/body.h"
#include "bench/s3/request.h"

namespace thalweg::s3_stub {

struct Answer {
  int status = 200;
  std::string fields{};          // header lines
  std::string text{};            // the body, or
  std::shared_ptr<Body> body{};  // this part of an object
  uint64_t offset = 0;
  uint64_t length = 0;
};

class Buckets {
 public:
  // `body` is what came with the request.
  Answer handle(const Request& request, std::shared_ptr<Body> body);
  // {"bucket": {"purpose": {"PUT": {"requests": 1, "bytes": 2}, ...}}}; bytes are of bodies, both
  // ways.
  std::string counts() const;

 private:
  struct Object {
    std::shared_ptr<Body> body;
    std::string user_metadata;
    std::string etag;
  };
  using Objects = std::map<std::string, Object, std::less<>>;
  struct Count {
    uint64_t requests = 0;
    uint64_t bytes = 0;
  };
  enum Kind { kPut, kPutTaken, kGet, kHead, kList, kDelete, kDeleteMany, kKinds };
  static constexpr std::string_view kKindNames[kKinds] = {"PUT",  "PUT_TAKEN", "GET",        "HEAD",
                                                          "LIST", "DELETE",    "DELETE_MANY"};

  void count(const std::string& bucket, std::string_view key, Kind kind, uint64_t bytes);
  Answer put(Objects& objects, const Request& request, std::shared_ptr<Body> body);
  static Answer get(const Objects& objects, const Request& request);
  static Answer list(const Objects& objects, const Request& request);
  static Answer remove_many(Objects& objects, const Body& body);

  std::map<std::string, Objects, std::less<>> buckets_;
  std::map<std::string, std::map<std::string, std::array<Count, kKinds>>, std::less<>> counts_;
  uint64_t versions_ = 0;
};

}  // namespace thalweg::s3_stub
