#include "streamcore/object_store/s3/http_client.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <utility>

#include "streamcore/base/check.h"
#include "streamcore/base/crc32c.h"

namespace thalweg::object_store::s3 {

namespace {

constexpr long kSocketBufferBytes = 512 << 10;  // what libcurl moves at a time, each way
constexpr long kStalledBytesPerSecond = 16 << 10;
constexpr size_t kFirstAnswerBytes = 16 << 10;  // of an answer that does not say how long it is

long milliseconds(base::Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

std::unexpected<base::Error> damaged() {
  return base::fail(base::ErrorCode::kCorrupt, "the bytes to be sent are not what their CRC says");
}

}  // namespace

// One request while it is under way, in the frame of its send().
class HttpClient::Transfer {
 public:
  Transfer(HttpClient& client, const HttpRequest& request)
      : client_(client),
        request_(request),
        ended_(client.executor_),
        easy_(curl_easy_init()),
        body_bytes_(request.body.size()) {
    CHECK(easy_ != nullptr);
    set_connection();
    set_request();
    client_.multi_->add(easy_);
  }
  ~Transfer() {
    client_.multi_->remove(easy_);
    curl_easy_cleanup(easy_);
    curl_slist_free_all(header_lines_);
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  auto wait() { return ended_.wait(); }
  void end(CURLcode code) {
    code_ = code;
    ended_.set();
  }
  base::Result<HttpResponse> result();

 private:
  void set_connection();
  void set_request();
  template <class T>
  void set(CURLoption option, T value) {
    CHECK(curl_easy_setopt(easy_, option, value) == CURLE_OK);
  }
  bool keeps_its_crc(base::ByteView passing);
  bool reserve(size_t bytes);

  static size_t on_read(char* into, size_t size, size_t count, void* self);
  static int on_seek(void* self, curl_off_t offset, int origin);
  static size_t on_write(char* bytes, size_t size, size_t count, void* self);
  static size_t on_header(char* line, size_t size, size_t count, void* self);

  HttpClient& client_;
  const HttpRequest& request_;
  base::Event ended_;
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
  HttpResponse response_;
  size_t received_ = 0;
  bool too_long_ = false;
};

void HttpClient::Transfer::set_connection() {
  set(CURLOPT_PRIVATE, this);
  set(CURLOPT_ERRORBUFFER, error_.data());
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_QUICK_EXIT, 1L);  // else giving up on a name waits for the thread that resolves it
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_PATH_AS_IS, 1L);
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_BUFFERSIZE, kSocketBufferBytes);
  set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(client_.options_.connect_max));
  set(CURLOPT_TIMEOUT_MS, milliseconds(request_.time_max));
  set(CURLOPT_LOW_SPEED_LIMIT, kStalledBytesPerSecond);
  set(CURLOPT_LOW_SPEED_TIME, std::max(1L, milliseconds(request_.stall_max) / 1000));
  if (request_.direct) set(CURLOPT_NOPROXY, "*");
  if (!client_.options_.ca_file.empty()) set(CURLOPT_CAINFO, client_.options_.ca_file.c_str());
}

void HttpClient::Transfer::set_request() {
  set(CURLOPT_URL, request_.url.c_str());
  for (const auto& [name, value] : request_.headers) {
    header_lines_ = curl_slist_append(header_lines_, (name + ": " + value).c_str());
  }
  header_lines_ = curl_slist_append(header_lines_, "Expect:");  // no wait before the body
  set(CURLOPT_HTTPHEADER, header_lines_);
  if (request_.method == "PUT") {
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_UPLOAD_BUFFERSIZE, kSocketBufferBytes);
    set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(body_bytes_));
    set(CURLOPT_READFUNCTION, &Transfer::on_read);
    set(CURLOPT_READDATA, this);
    set(CURLOPT_SEEKFUNCTION, &Transfer::on_seek);
    set(CURLOPT_SEEKDATA, this);
  } else if (request_.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else {
    set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  }
  set(CURLOPT_WRITEFUNCTION, &Transfer::on_write);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  set(CURLOPT_HEADERDATA, this);
}

size_t HttpClient::Transfer::on_read(char* into, size_t size, size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  const std::vector<base::ByteView>& body = transfer.request_.body.views;
  const size_t room = size * count;
  size_t done = 0;
  while (done < room && transfer.part_ < body.size()) {
    const base::ByteView rest = body[transfer.part_].subspan(transfer.part_at_);
    const size_t step = std::min(rest.size(), room - done);
    if (step > 0) std::memcpy(into + done, rest.data(), step);
    done += step;
    transfer.part_at_ += step;
    if (step < rest.size()) continue;
    ++transfer.part_;
    transfer.part_at_ = 0;
  }
  return transfer.keeps_its_crc({reinterpret_cast<const std::byte*>(into), done})
             ? done
             : CURL_READFUNC_ABORT;
}

// The bytes are held against their CRC as they pass; the last of them go only if it is right, and a
// body that is cut short creates nothing.
bool HttpClient::Transfer::keeps_its_crc(base::ByteView passing) {
  if (!request_.body.crc32c) return true;
  sent_crc_ = base::crc32c(passing, sent_crc_);
  sent_ += passing.size();
  damaged_ = sent_ == body_bytes_ && sent_crc_ != *request_.body.crc32c;
  return !damaged_;
}

// libcurl starts again from the beginning when a kept connection turns out to be closed.
int HttpClient::Transfer::on_seek(void* self, curl_off_t offset, int origin) {
  if (offset != 0 || origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
  auto& transfer = *static_cast<Transfer*>(self);
  transfer.part_ = transfer.part_at_ = 0;
  transfer.sent_ = transfer.sent_crc_ = 0;
  return CURL_SEEKFUNC_OK;
}

bool HttpClient::Transfer::reserve(size_t bytes) {
  base::Buffer& buffer = response_.body.owner;
  if (bytes > request_.answer_bytes_max) return false;
  if (bytes <= buffer.capacity()) return true;
  curl_off_t whole = -1;
  curl_easy_getinfo(easy_, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &whole);
  size_t wanted = std::max({bytes, 2 * buffer.capacity(), kFirstAnswerBytes});
  if (whole >= 0) wanted = std::max(bytes, static_cast<size_t>(whole));
  if (wanted > request_.answer_bytes_max) wanted = request_.answer_bytes_max;
  base::Buffer larger = base::Buffer::allocate(wanted);
  if (received_ > 0) std::memcpy(larger.data(), buffer.data(), received_);
  buffer = std::move(larger);
  return true;
}

size_t HttpClient::Transfer::on_write(char* bytes, size_t size, size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  const size_t length = size * count;
  if (!transfer.reserve(transfer.received_ + length)) {
    transfer.too_long_ = true;
    return 0;
  }
  std::memcpy(transfer.response_.body.owner.data() + transfer.received_, bytes, length);
  transfer.received_ += length;
  return length;
}

size_t HttpClient::Transfer::on_header(char* line, size_t size, size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  std::string_view text(line, size * count);
  if (text.starts_with("HTTP/")) transfer.response_.headers.clear();  // of an answer before this
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return size * count;
  std::string name(text.substr(0, colon));
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  text.remove_prefix(colon + 1);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && std::string_view(" \r\n").contains(text.back())) text.remove_suffix(1);
  transfer.response_.headers.emplace_back(std::move(name), text);
  return size * count;
}

base::Result<HttpResponse> HttpClient::Transfer::result() {
  if (damaged_) return damaged();
  if (too_long_) {
    return base::fail(base::ErrorCode::kUnavailable, "the answer is longer than the " +
                                                         std::to_string(request_.answer_bytes_max) +
                                                         " bytes expected");
  }
  if (code_ != CURLE_OK) {
    const std::string detail(error_.data());
    return base::fail(base::ErrorCode::kUnavailable,
                      detail.empty() ? std::string(curl_easy_strerror(code_)) : detail);
  }
  // The end of such an answer cannot be told from a connection that broke.
  if (received_ > 0 && response_.header("content-length").empty() &&
      response_.header("transfer-encoding").empty()) {
    return base::fail(base::ErrorCode::kUnavailable, "the answer does not say how long it is");
  }
  long status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  response_.status = static_cast<int>(status);
  if (received_ > 0) response_.body.bytes = {response_.body.owner.data(), received_};
  return std::move(response_);
}

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
                                         Transfer* transfer = nullptr;
                                         curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
                                         transfer->end(code);
                                       }));
  return client;
}

base::Task<base::Result<HttpResponse>> HttpClient::send(HttpRequest request) {
  if (request.body.size() == 0 && !request.body.sound()) co_return damaged();
  CHECK(co_await connections_.acquire(1));
  base::Result<HttpResponse> result;
  {
    Transfer transfer(*this, request);
    co_await transfer.wait();
    result = transfer.result();
  }
  connections_.release(1);
  co_return result;
}

}  // namespace thalweg::object_store::s3
