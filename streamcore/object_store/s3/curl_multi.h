// CurlMulti: libcurl's multi interface on an executor: its sockets in one epoll that the event loop
// watches, its timer a timer of the executor. No thread, no blocking call; names are resolved in
// libcurl's own resolver threads.
//
// Lives on one executor. Owned by HttpClient.
#pragma once

#include <curl/curl.h>

#include <functional>
#include <memory>

#include "streamcore/base/executor.h"
#include "streamcore/base/fd_poller.h"
#include "streamcore/base/result.h"

namespace thalweg::object_store::s3 {

class CurlMulti {
 public:
  // Told of every transfer that ended; it may not remove transfers.
  using Done = std::function<void(CURL* easy, CURLcode code)>;

  // At most `kept_connections` stay open unused. kUnavailable: the process is out of descriptors.
  static base::Result<std::unique_ptr<CurlMulti>> make(base::Executor& executor,
                                                       base::FdPoller& poller,
                                                       size_t kept_connections, Done done);
  ~CurlMulti();
  CurlMulti(const CurlMulti&) = delete;
  CurlMulti& operator=(const CurlMulti&) = delete;

  void add(CURL* easy);
  // Ends it if it has not ended. Never from within a callback of libcurl.
  void remove(CURL* easy);

 private:
  CurlMulti(base::Executor& executor, Done done) : executor_(executor), done_(std::move(done)) {}

  static int on_socket(CURL* easy, curl_socket_t socket, int what, void* self, void* known);
  static int on_timer(CURLM* multi, long delay_ms, void* self);
  void on_ready();
  void act(curl_socket_t socket, int events);
  void report_ended();

  base::Executor& executor_;
  Done done_;
  CURLM* multi_ = nullptr;
  int epoll_ = -1;
  base::TimerId timer_ = 0;
  std::unique_ptr<base::FdPoller::Watch> watch_;
};

}  // namespace thalweg::object_store::s3
