// FakeS3: an S3 server of one bucket in the process of the test, on a real loopback socket, that
// does what it is told wrong. Everything runs on one PollExecutor.
//
// It understands conditional PUT, GET with ranges, HEAD, DELETE of one and many and list type 2,
// keeps what it was asked, and checks no signature: real servers do.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "streamcore/object_store/s3/http_message.h"
#include "tests/streamcore/base/poll_executor.h"

namespace thalweg::object_store::s3 {

enum class Fault {
  kNone,
  kSlowDown,       // 503, nothing done
  kConflict,       // 409, nothing done
  kServerError,    // 500, but done
  kLostRequest,    // closed, nothing done
  kLostAnswer,     // closed, but done
  kCutHead,        // done, and the answer's first line, then closed
  kCutBody,        // done, and half of the answer's body
  kHang,           // done, never answered
  kHangUndone,     // nothing done, never answered
  kLate,           // done, answered after kLateTime
  kHangInBody,     // done, and half of the answer's body, then nothing
  kExpiredToken,   // 400, nothing done
  kAccessDenied,   // 403, with the kind of document that repeats what was signed
  kMissingBucket,  // 404
  kEndless,        // done, and half of the answer's body without its length, then closed
  kIgnoreRange,    // the whole object for a part of it
};

inline constexpr base::Duration kLateTime = std::chrono::milliseconds(300);

struct FakeRequest {
  std::string method, path, query;
  Headers headers;
  std::string body;
  size_t connection = 0;  // which one it came over

  std::string header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
      if (key == name) return value;
    }
    return {};
  }
};

struct FakeReply {
  int status = 200;
  Headers headers;
  std::string body;
};

class FakeS3 {
 public:
  using Handler = std::function<FakeReply(const FakeRequest&)>;

  explicit FakeS3(base::PollExecutor& executor);
  ~FakeS3();

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  // For the next requests that have none yet.
  void fail_next(Fault fault) { faults_.push_back(fault); }
  // For all of them, until another one is given.
  void fail_always(Fault fault) { always_ = fault; }
  // Answers instead of the bucket.
  void handle(Handler handler) { handler_ = std::move(handler); }
  const std::vector<FakeRequest>& requests() const { return requests_; }
  int count(std::string_view method) const;
  size_t connections() const { return accepted_; }
  size_t open_connections_max() const { return open_max_; }

  std::map<std::string, std::pair<std::string, std::string>> objects;  // key -> bytes, nonce
  std::set<std::string> stubborn;  // keys that are only deleted alone

 private:
  struct Connection;

  void accept();
  void receive(Connection& connection);
  bool take_request(Connection& connection, FakeRequest& request);
  void answer(Connection& connection, const FakeRequest& request);
  FakeReply serve(const FakeRequest& request);
  FakeReply serve_get(const FakeRequest& request, const std::string& key);
  FakeReply serve_deletes(const FakeRequest& request);
  FakeReply serve_list(const FakeRequest& request);
  void flush(int fd, size_t number);
  void send(Connection& connection, const FakeReply& reply, bool head, size_t body_bytes);

  base::PollExecutor& executor_;
  int listener_ = -1;
  int port_ = 0;
  std::unique_ptr<base::FdPoller::Watch> watch_;
  std::map<int, std::unique_ptr<Connection>> connections_;
  std::deque<Fault> faults_;
  Fault always_ = Fault::kNone;
  Handler handler_;
  std::vector<FakeRequest> requests_;
  size_t accepted_ = 0;
  size_t open_max_ = 0;
};

}  // namespace thalweg::object_store::s3
