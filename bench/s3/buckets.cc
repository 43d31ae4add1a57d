#include "bench/s3/buckets.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace thalweg::s3_stub {

namespace {

constexpr uint64_t kListMax = 1000;

Answer error(int status, std::string_view code) {
  return {.status = status,
          .fields = "Content-Type: application/xml\r\n",
          .text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>" + std::string(code) +
                  "</Code></Error>"};
}

std::string text_of(const Body& body) {
  std::string text;
  for (const auto& piece : body.pieces(0, body.size())) {
    text.append(static_cast<const char*>(piece.data()), piece.size());
  }
  return text;
}

std::string parameter(const Request& request, const std::string& name) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? "" : found->second;
}

}  // namespace

void Buckets::count(const std::string& bucket, std::string_view key, Kind kind, uint64_t bytes) {
  Count& count = counts_[bucket][std::string(key.substr(0, key.find('/')))][kind];
  ++count.requests;
  count.bytes += bytes;
}

Answer Buckets::handle(const Request& request, std::shared_ptr<Body> body) {
  if (request.bucket.empty()) return {};
  Objects& objects = buckets_[request.bucket];
  const uint64_t sent = body->size();
  if (request.key.empty()) {
    if (request.method == "PUT") return {};  // it is made
    if (request.method == "POST" && request.query.contains("delete")) {
      count(request.bucket, "", kDeleteMany, sent);
      return remove_many(objects, *body);
    }
    if (request.method != "GET") return error(405, "MethodNotAllowed");
    Answer answer = list(objects, request);
    count(request.bucket, parameter(request, "prefix"), kList, answer.text.size());
    return answer;
  }
  if (request.method == "PUT") {
    Answer answer = put(objects, request, std::move(body));
    count(request.bucket, request.key, answer.status == 412 ? kPutTaken : kPut, sent);
    return answer;
  }
  if (request.method == "GET" || request.method == "HEAD") {
    const bool head = request.method == "HEAD";
    Answer answer = get(objects, request);
    count(request.bucket, request.key, head ? kHead : kGet, head ? 0 : answer.length);
    return answer;
  }
  if (request.method != "DELETE") return error(405, "MethodNotAllowed");
  count(request.bucket, request.key, kDelete, 0);
  objects.erase(request.key);
  return {.status = 204};
}

Answer Buckets::put(Objects& objects, const Request& request, std::shared_ptr<Body> body) {
  const auto found = objects.find(request.key);
  if (found != objects.end() && request.if_none_match) return error(412, "PreconditionFailed");
  char etag[40];
  std::snprintf(etag, sizeof(etag), "\"%032llx\"", static_cast<unsigned long long>(++versions_));
  objects.insert_or_assign(
      request.key,
      Object{.body = std::move(body), .user_metadata = request.user_metadata, .etag = etag});
  return {.fields = std::string("ETag: ") + etag + "\r\n"};
}

Answer Buckets::get(const Objects& objects, const Request& request) {
  const auto found = objects.find(request.key);
  if (found == objects.end()) return error(404, "NoSuchKey");
  const Object& object = found->second;
  const uint64_t size = object.body->size();
  Answer answer{.fields = "ETag: " + object.etag + "\r\n" + object.user_metadata,
                .body = object.body,
                .length = size};
  if (!request.range) return answer;
  if (request.range->first >= size) return error(416, "InvalidRange");
  const uint64_t last = std::min(request.range->last, size - 1);
  if (last < request.range->first) return answer;  // S3 takes no notice of such a range
  answer.status = 206;
  answer.offset = request.range->first;
  answer.length = last - request.range->first + 1;
  answer.fields += "Content-Range: bytes " + std::to_string(answer.offset) + "-" +
                   std::to_string(last) + "/" + std::to_string(size) + "\r\n";
  return answer;
}

Answer Buckets::list(const Objects& objects, const Request& request) {
  const std::string prefix = parameter(request, "prefix");
  const std::string asked = parameter(request, "max-keys");
  const uint64_t most = asked.empty() ? kListMax : std::min(kListMax, std::stoul(asked));
  // The token is the last key of the page before.
  const std::string after =
      std::max(parameter(request, "start-after"), parameter(request, "continuation-token"));
  auto at = after < prefix ? objects.lower_bound(prefix) : objects.upper_bound(after);
  std::string contents;
  uint64_t count = 0;
  std::string last;
  const auto is_listed = [&] { return at != objects.end() && at->first.starts_with(prefix); };
  for (; is_listed() && count < most; ++at, ++count) {
    last = at->first;
    contents += "<Contents><Key>" + escaped(last) + "</Key><ETag>" + escaped(at->second.etag) +
                "</ETag><Size>" + std::to_string(at->second.body->size()) + "</Size></Contents>";
  }
  std::string text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult><Name>" +
                     request.bucket + "</Name><Prefix>" + escaped(prefix) + "</Prefix><KeyCount>" +
                     std::to_string(count) + "</KeyCount><IsTruncated>" +
                     (is_listed() ? "true" : "false") + "</IsTruncated>";
  if (is_listed()) text += "<NextContinuationToken>" + escaped(last) + "</NextContinuationToken>";
  return {.fields = "Content-Type: application/xml\r\n",
          .text = text + contents + "</ListBucketResult>"};
}

Answer Buckets::remove_many(Objects& objects, const Body& body) {
  std::string text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DeleteResult>";
  const std::string asked = text_of(body);
  const bool quiet = asked.find("<Quiet>true</Quiet>") != std::string::npos;
  for (const std::string& key : element_texts(asked, "Key")) {
    objects.erase(key);
    if (!quiet) text += "<Deleted><Key>" + escaped(key) + "</Key></Deleted>";
  }
  return {.fields = "Content-Type: application/xml\r\n", .text = text + "</DeleteResult>"};
}

std::string Buckets::counts() const {
  std::string text = "{";
  const auto field = [&text](std::string_view name) {
    if (!text.ends_with('{')) text += ", ";
    text += "\"" + std::string(name) + "\": ";
  };
  for (const auto& [bucket, purposes] : counts_) {
    field(bucket);
    text += '{';
    for (const auto& [purpose, kinds] : purposes) {
      field(purpose);
      text += '{';
      for (size_t kind = 0; kind < kKinds; ++kind) {
        field(kKindNames[kind]);
        text += "{\"requests\": " + std::to_string(kinds[kind].requests) +
                ", \"bytes\": " + std::to_string(kinds[kind].bytes) + "}";
      }
      text += '}';
    }
    text += '}';
  }
  return text + "}";
}

}  // namespace thalweg::s3_stub
