// HttpClient: requests over kept connections, as coroutines of one executor.
//
// One attempt each: no retry, no redirect. Bodies are streamed from the views given, without being
// joined. Owned by whoever makes requests; no request is under way when it is destroyed.
#pragma once

#include <memory>
#include <string>

#include "streamcore/base/executor.h"
#include "streamcore/base/fd_poller.h"
#include "streamcore/base/result.h"
#include "streamcore/base/sync.h"
#include "streamcore/base/task.h"
#include "streamcore/object_store/s3/curl_multi.h"
#include "streamcore/object_store/s3/http_message.h"
#include "streamcore/object_store/s3/http_transfer.h"

namespace thalweg::object_store::s3 {

struct HttpClientOptions {
  size_t connections_max = 64;  // further requests wait
  base::Duration connect_max = std::chrono::seconds(3);
  std::string ca_file;  // PEM; empty = the system's
};

class HttpClient {
 public:
  static base::Result<std::unique_ptr<HttpClient>> make(base::Executor& executor,
                                                        base::FdPoller& poller,
                                                        HttpClientOptions options);

  // Whatever status the server answers with. kUnavailable: it did not answer, or not in time, or
  // the answer broke off: what was asked for may have been done. kCorrupt: the body is not what
  // its CRC says, and was not sent to its end.
  base::Task<base::Result<HttpResponse>> send(HttpRequest request);

  // The request under way, once a connection is free for it.
  base::Task<std::unique_ptr<HttpTransfer>> start(const HttpRequest& request, base::Event& changed);
  bool has_free_connection() const { return !connections_.would_wait(1); }

 private:
  friend class HttpTransfer;

  HttpClient(base::Executor& executor, HttpClientOptions options);

  base::Executor& executor_;
  const HttpClientOptions options_;
  base::Semaphore connections_;
  std::unique_ptr<CurlMulti> multi_;
};

}  // namespace thalweg::object_store::s3
