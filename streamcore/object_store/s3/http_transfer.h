// HttpTransfer: one request while it is under way, over a connection of its own. Destroying it
// gives it up: what was asked for may still be done.
//
// Lives on the executor of its HttpClient, which makes it and outlives it.
#pragma once

#include <curl/curl.h>

#include <array>
#include <optional>

#include "streamcore/base/executor.h"
#include "streamcore/base/result.h"
#include "streamcore/base/sync.h"
#include "streamcore/object_store/s3/http_message.h"

namespace thalweg::object_store::s3 {

class HttpClient;

class HttpTransfer {
 public:
  // With a connection of the client's, given back at the end. `changed` is set when it has ended.
  // Request and event outlive it.
  HttpTransfer(HttpClient& client, const HttpRequest& request, base::Event& changed);
  ~HttpTransfer();
  HttpTransfer(const HttpTransfer&) = delete;
  HttpTransfer& operator=(const HttpTransfer&) = delete;

  bool ended() const { return ended_; }
  // As HttpClient::send() says. Once, when it has ended.
  base::Result<HttpResponse> result();

  // When the last bytes of the request were taken, or it began; since then it waits.
  base::TimePoint quiet_since() const { return quiet_since_; }
  // How long it waited until the answer began; nothing if it did not yet.
  std::optional<base::Duration> answered_after() const;

  uint64_t sent_bytes() const { return sent_; }
  uint64_t received_bytes() const { return received_; }

 private:
  friend class HttpClient;

  void end(CURLcode code);
  void set_connection();
  void set_request();
  template <class T>
  void set(CURLoption option, T value);
  bool keeps_its_crc(base::ByteView passing);
  bool reserve(size_t bytes);

  static size_t on_read(char* into, size_t size, size_t count, void* self);
  static int on_seek(void* self, curl_off_t offset, int origin);
  static size_t on_write(char* bytes, size_t size, size_t count, void* self);
  static size_t on_header(char* line, size_t size, size_t count, void* self);

  HttpClient& client_;
  const HttpRequest& request_;
  base::Event& changed_;
  CURL* easy_;
  curl_slist* header_lines_ = nullptr;
  CURLcode code_ = CURLE_OK;
  std::array<char, CURL_ERROR_SIZE> error_{};
  const uint64_t body_bytes_;
  size_t part_ = 0;        // of the body, being sent
  size_t part_at_ = 0;     // within it
  uint64_t sent_ = 0;      // handed to libcurl
  uint32_t sent_crc_ = 0;  // of those bytes
  bool damaged_ = false;
  base::TimePoint quiet_since_;
  std::optional<base::TimePoint> answered_at_;
  HttpResponse response_;
  bool headers_ended_ = false;
  size_t received_ = 0;
  bool too_long_ = false;
  bool ended_ = false;
};

}  // namespace thalweg::object_store::s3
