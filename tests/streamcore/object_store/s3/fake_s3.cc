#include "tests/streamcore/object_store/s3/fake_s3.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "streamcore/base/check.h"
#include "streamcore/object_store/s3/xml_text.h"

namespace thalweg::object_store::s3 {

namespace {

constexpr std::string_view kBucketPath = "/bucket";

FakeReply refusal(int status, const std::string& code, const std::string& more = "") {
  return {
      .status = status,
      .headers = {},
      .body = "<Error><Code>" + code + "</Code><Message>so it is</Message>" + more + "</Error>"};
}

std::string query_value(const std::string& query, const std::string& name) {
  const std::string text = "&" + query;
  const size_t at = text.find("&" + name + "=");
  if (at == std::string::npos) return {};
  const size_t start = at + name.size() + 2;
  std::string value = text.substr(start, text.find('&', start) - start);
  for (size_t slash = 0; (slash = value.find("%2F")) != std::string::npos;) {
    value.replace(slash, 3, "/");
  }
  return value;
}

}  // namespace

struct FakeS3::Connection {
  ~Connection() { ::close(fd); }
  int fd = -1;
  size_t number = 0;
  std::string received;
  std::string to_send;
  bool close_then = false;
  bool without_length = false;
  std::unique_ptr<base::FdPoller::Watch> watch;
};

FakeS3::FakeS3(base::PollExecutor& executor) : executor_(executor) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&address), length) == 0);
  CHECK(::listen(listener_, 128) == 0);
  CHECK(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) == 0);
  port_ = ntohs(address.sin_port);
  watch_ = executor_.watch_readable(listener_, [this] { accept(); });
}

FakeS3::~FakeS3() {
  connections_.clear();
  watch_.reset();
  ::close(listener_);
}

int FakeS3::count(std::string_view method) const {
  return static_cast<int>(std::ranges::count(requests_, method, &FakeRequest::method));
}

void FakeS3::accept() {
  auto connection = std::make_unique<Connection>();
  connection->fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  CHECK(connection->fd >= 0);
  connection->number = ++accepted_;
  Connection& kept = *connection;
  kept.watch = executor_.watch_readable(kept.fd, [this, &kept] { receive(kept); });
  connections_.emplace(kept.fd, std::move(connection));
  open_max_ = std::max(open_max_, connections_.size());
}

void FakeS3::receive(Connection& connection) {
  char bytes[64 << 10];
  const ssize_t count = ::recv(connection.fd, bytes, sizeof(bytes), MSG_DONTWAIT);
  if (count <= 0) {
    connections_.erase(connection.fd);
    return;
  }
  connection.received.append(bytes, static_cast<size_t>(count));
  FakeRequest request;
  if (!take_request(connection, request)) return;
  request.connection = connection.number;
  requests_.push_back(request);
  answer(connection, request);
}

// One request at a time is what an HTTP/1.1 client without pipelining sends.
bool FakeS3::take_request(Connection& connection, FakeRequest& request) {
  const std::string& text = connection.received;
  const size_t end = text.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  const size_t line_end = text.find("\r\n");
  const size_t path_at = text.find(' ') + 1;
  request.method = text.substr(0, path_at - 1);
  request.path = text.substr(path_at, text.find(' ', path_at) - path_at);
  if (const size_t mark = request.path.find('?'); mark != std::string::npos) {
    request.query = request.path.substr(mark + 1);
    request.path.resize(mark);
  }
  for (size_t at = line_end + 2; at < end + 2;) {
    const size_t stop = text.find("\r\n", at);
    const size_t colon = text.find(':', at);
    std::string name = text.substr(at, colon - at);
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    request.headers.emplace_back(name, text.substr(colon + 2, stop - colon - 2));
    at = stop + 2;
  }
  const std::string length = request.header("content-length");
  const size_t body_bytes = length.empty() ? 0 : std::stoull(length);
  if (text.size() < end + 4 + body_bytes) return false;
  request.body = text.substr(end + 4, body_bytes);
  connection.received.erase(0, end + 4 + body_bytes);
  return true;
}

void FakeS3::answer(Connection& connection, const FakeRequest& request) {
  Fault fault = always_;
  if (!faults_.empty()) {
    fault = faults_.front();
    faults_.pop_front();
  }
  const bool head = request.method == "HEAD";
  const auto refuse = [&](const FakeReply& reply) { send(connection, reply, head, SIZE_MAX); };
  switch (fault) {
    case Fault::kSlowDown: return refuse(refusal(503, "SlowDown"));
    case Fault::kConflict: return refuse(refusal(409, "ConditionalRequestConflict"));
    case Fault::kExpiredToken: return refuse(refusal(400, "ExpiredToken"));
    case Fault::kMissingBucket: return refuse(refusal(404, "NoSuchBucket"));
    case Fault::kAccessDenied:
      return refuse(refusal(
          403, "SignatureDoesNotMatch",
          "<CanonicalRequest>" + request.header("x-amz-security-token") + "</CanonicalRequest>"));
    case Fault::kLostRequest: connections_.erase(connection.fd); return;
    case Fault::kHangUndone: return;
    default: break;
  }
  FakeRequest served = request;
  if (fault == Fault::kIgnoreRange) {
    std::erase_if(served.headers, [](const auto& header) { return header.first == "range"; });
  }
  const FakeReply reply = handler_ ? handler_(served) : serve(served);
  if (fault == Fault::kHang) return;
  if (fault == Fault::kLate) {
    executor_.run_after(kLateTime, [this, reply, head, fd = connection.fd, n = connection.number] {
      const auto at = connections_.find(fd);
      if (at != connections_.end() && at->second->number == n) {
        send(*at->second, reply, head, SIZE_MAX);
      }
    });
    return;
  }
  if (fault == Fault::kServerError) return refuse(refusal(500, "InternalError"));
  if (fault == Fault::kHangInBody) return send(connection, reply, head, reply.body.size() / 2);
  if (fault == Fault::kCutHead) {
    connection.close_then = true;
    connection.to_send += "HTTP/1.1 " + std::to_string(reply.status) + " Said\r\n";
    return flush(connection.fd, connection.number);
  }
  if (fault == Fault::kCutBody || fault == Fault::kEndless) {
    connection.close_then = true;
    connection.without_length = fault == Fault::kEndless;
    return send(connection, reply, head, reply.body.size() / 2);
  }
  if (fault == Fault::kLostAnswer) {
    connections_.erase(connection.fd);
    return;
  }
  refuse(reply);
}

FakeReply FakeS3::serve(const FakeRequest& request) {
  CHECK_MSG(request.path.starts_with(kBucketPath), request.path);
  const std::string key =
      request.path.substr(std::min(request.path.size(), kBucketPath.size() + 1));
  if (key.empty()) return request.method == "POST" ? serve_deletes(request) : serve_list(request);
  if (request.method == "PUT") {
    if (objects.contains(key)) return refusal(412, "PreconditionFailed");
    objects[key] = {request.body, request.header("x-amz-meta-thalweg-nonce")};
    return {};
  }
  if (request.method == "DELETE") {
    objects.erase(key);
    return {.status = 204, .headers = {}, .body = {}};
  }
  return serve_get(request, key);
}

FakeReply FakeS3::serve_get(const FakeRequest& request, const std::string& key) {
  const auto at = objects.find(key);
  if (at == objects.end()) return refusal(404, "NoSuchKey");
  const auto& [bytes, nonce] = at->second;
  FakeReply reply{.status = 200, .headers = {{"x-amz-meta-thalweg-nonce", nonce}}, .body = bytes};
  const std::string range = request.header("range");
  if (range.empty()) return reply;
  const size_t first = std::stoull(range.substr(6));
  const size_t last = std::min(bytes.size() - 1,
                               static_cast<size_t>(std::stoull(range.substr(range.find('-') + 1))));
  if (first >= bytes.size()) return refusal(416, "InvalidRange");
  reply.status = 206;
  reply.body = bytes.substr(first, last - first + 1);
  reply.headers.emplace_back("content-range", "bytes " + std::to_string(first) + "-" +
                                                  std::to_string(last) + "/" +
                                                  std::to_string(bytes.size()));
  return reply;
}

FakeReply FakeS3::serve_deletes(const FakeRequest& request) {
  CHECK_EQ(request.query, "delete=");
  CHECK_EQ(request.header("content-md5").size(), 24u);
  std::string_view document = request.body;
  size_t count = 0;
  std::string errors;
  while (const auto object = take_element(document, "Object")) {
    const std::string key = element_text(*object, "Key");
    CHECK(!key.empty() && ++count <= 1000);
    if (stubborn.contains(key)) {
      errors += "<Error><Key>" + key + "</Key><Code>InternalError</Code></Error>";
    } else {
      objects.erase(key);
    }
  }
  if (count == 0) return refusal(400, "MalformedXML");
  return {
      .status = 200,
      .headers = {},
      .body = "<?xml version=\"1.0\"?>\n<DeleteResult xmlns=\"x\">" + errors + "</DeleteResult>"};
}

FakeReply FakeS3::serve_list(const FakeRequest& request) {
  const std::string prefix = query_value(request.query, "prefix");
  const std::string after = query_value(request.query, "start-after");
  const size_t keys_max = std::stoull(query_value(request.query, "max-keys"));
  std::string contents;
  size_t count = 0;
  bool more = false;
  for (auto at = objects.upper_bound(after); at != objects.end(); ++at) {
    if (!at->first.starts_with(prefix)) continue;
    more = count == keys_max;
    if (more) break;
    ++count;
    contents += "<Contents><Key>" + at->first + "</Key><Size>" +
                std::to_string(at->second.first.size()) + "</Size></Contents>";
  }
  return {.status = 200,
          .headers = {},
          .body = "<ListBucketResult><IsTruncated>" + std::string(more ? "true" : "false") +
                  "</IsTruncated>" + contents + "</ListBucketResult>"};
}

void FakeS3::send(Connection& connection, const FakeReply& reply, bool head, size_t body_bytes) {
  std::string text = "HTTP/1.1 " + std::to_string(reply.status) + " Said\r\n";
  for (const auto& [name, value] : reply.headers) text += name + ": " + value + "\r\n";
  if (reply.status != 204 && !connection.without_length) {
    text += "Content-Length: " + std::to_string(reply.body.size()) + "\r\n";
  }
  text += "\r\n";
  if (!head) text += reply.body.substr(0, body_bytes);
  connection.to_send += text;
  flush(connection.fd, connection.number);
}

// The client that must take the bytes first may be on this same thread.
void FakeS3::flush(int fd, size_t number) {
  const auto at = connections_.find(fd);
  if (at == connections_.end() || at->second->number != number) return;
  std::string& text = at->second->to_send;
  const ssize_t sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent > 0) text.erase(0, static_cast<size_t>(sent));
  if (!text.empty()) {
    executor_.run_after(std::chrono::microseconds(100), [this, fd, number] { flush(fd, number); });
  } else if (at->second->close_then) {
    connections_.erase(at);
  }
}

}  // namespace thalweg::object_store::s3
