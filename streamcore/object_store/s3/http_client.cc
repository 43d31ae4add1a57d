#include "streamcore/object_store/s3/http_client.h"

#include <utility>

#include "streamcore/base/check.h"

namespace thalweg::object_store::s3 {

HttpClient::HttpClient(base::Executor& executor, HttpClientOptions options)
    : executor_(executor),
      options_(std::move(options)),
      connections_(executor, options_.connections_max) {}

base::Result<std::unique_ptr<HttpClient>> HttpClient::make(base::Executor& executor,
                                                           base::FdPoller& poller,
                                                           HttpClientOptions options) {
  std::unique_ptr<HttpClient> client(new HttpClient(executor, std::move(options)));
  client->multi_ = TRY(CurlMulti::make(executor, poller, client->options_.connections_max,
                                       [](CURL* easy, CURLcode code) {
                                         HttpTransfer* transfer = nullptr;
                                         curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
                                         transfer->end(code);
                                       }));
  return client;
}

base::Task<std::unique_ptr<HttpTransfer>> HttpClient::start(const HttpRequest& request,
                                                            base::Event& changed) {
  CHECK(co_await connections_.acquire(1));
  co_return std::make_unique<HttpTransfer>(*this, request, changed);
}

base::Task<base::Result<HttpResponse>> HttpClient::send(HttpRequest request) {
  base::Event ended(executor_);
  const auto transfer = co_await start(request, ended);
  co_await ended.wait();
  co_return transfer->result();
}

}  // namespace thalweg::object_store::s3
