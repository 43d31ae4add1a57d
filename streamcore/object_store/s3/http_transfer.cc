#include "streamcore/object_store/s3/http_transfer.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <utility>

#include "streamcore/base/check.h"
#include "streamcore/base/crc32c.h"
#include "streamcore/object_store/s3/http_client.h"

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

HttpTransfer::HttpTransfer(HttpClient& client, const HttpRequest& request, base::Event& changed)
    : client_(client),
      request_(request),
      changed_(changed),
      easy_(curl_easy_init()),
      body_bytes_(request.body.size()),
      quiet_since_(client.executor_.now()) {
  CHECK(easy_ != nullptr);
  set_connection();
  set_request();
  damaged_ = body_bytes_ == 0 && !request.body.sound();
  damaged_ ? end(CURLE_READ_ERROR) : client_.multi_->add(easy_);
}

HttpTransfer::~HttpTransfer() {
  client_.multi_->remove(easy_);
  curl_easy_cleanup(easy_);
  curl_slist_free_all(header_lines_);
  client_.connections_.release(1);
}

void HttpTransfer::end(CURLcode code) {
  code_ = code;
  ended_ = true;
  changed_.set();
}

std::optional<base::Duration> HttpTransfer::answered_after() const {
  if (!answered_at_) return std::nullopt;
  return *answered_at_ - quiet_since_;
}

template <class T>
void HttpTransfer::set(CURLoption option, T value) {
  CHECK(curl_easy_setopt(easy_, option, value) == CURLE_OK);
}

void HttpTransfer::set_connection() {
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
  set(CURLOPT_TIMEOUT_MS, std::max(1L, milliseconds(request_.time_max)));
  set(CURLOPT_LOW_SPEED_LIMIT, kStalledBytesPerSecond);
  set(CURLOPT_LOW_SPEED_TIME, std::max(1L, milliseconds(request_.stall_max) / 1000));
  if (request_.direct) set(CURLOPT_NOPROXY, "*");
  if (!client_.options_.ca_file.empty()) set(CURLOPT_CAINFO, client_.options_.ca_file.c_str());
}

void HttpTransfer::set_request() {
  set(CURLOPT_URL, request_.url.c_str());
  for (const auto& [name, value] : request_.headers) {
    header_lines_ = curl_slist_append(header_lines_, (name + ": " + value).c_str());
  }
  header_lines_ = curl_slist_append(header_lines_, "Expect:");  // no wait before the body
  set(CURLOPT_HTTPHEADER, header_lines_);
  if (request_.method == "PUT" || request_.method == "POST") {
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
    set(CURLOPT_UPLOAD_BUFFERSIZE, kSocketBufferBytes);
    set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(body_bytes_));
    set(CURLOPT_READFUNCTION, &HttpTransfer::on_read);
    set(CURLOPT_READDATA, this);
    set(CURLOPT_SEEKFUNCTION, &HttpTransfer::on_seek);
    set(CURLOPT_SEEKDATA, this);
  } else if (request_.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else {
    set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  }
  set(CURLOPT_WRITEFUNCTION, &HttpTransfer::on_write);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_HEADERFUNCTION, &HttpTransfer::on_header);
  set(CURLOPT_HEADERDATA, this);
}

size_t HttpTransfer::on_read(char* into, size_t size, size_t count, void* self) {
  auto& transfer = *static_cast<HttpTransfer*>(self);
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
  transfer.sent_ += done;
  transfer.quiet_since_ = transfer.client_.executor_.now();
  return transfer.keeps_its_crc({reinterpret_cast<const std::byte*>(into), done})
             ? done
             : CURL_READFUNC_ABORT;
}

// The bytes are held against their CRC as they pass; the last of them go only if it is right, and a
// body that is cut short creates nothing.
bool HttpTransfer::keeps_its_crc(base::ByteView passing) {
  if (!request_.body.crc32c) return true;
  sent_crc_ = base::crc32c(passing, sent_crc_);
  damaged_ = sent_ == body_bytes_ && sent_crc_ != *request_.body.crc32c;
  return !damaged_;
}

// libcurl starts again from the beginning when a kept connection turns out to be closed.
int HttpTransfer::on_seek(void* self, curl_off_t offset, int origin) {
  if (offset != 0 || origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
  auto& transfer = *static_cast<HttpTransfer*>(self);
  transfer.part_ = transfer.part_at_ = 0;
  transfer.sent_ = transfer.sent_crc_ = 0;
  return CURL_SEEKFUNC_OK;
}

bool HttpTransfer::reserve(size_t bytes) {
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

size_t HttpTransfer::on_write(char* bytes, size_t size, size_t count, void* self) {
  auto& transfer = *static_cast<HttpTransfer*>(self);
  const size_t length = size * count;
  if (!transfer.reserve(transfer.received_ + length)) {
    transfer.too_long_ = true;
    return 0;
  }
  std::memcpy(transfer.response_.body.owner.data() + transfer.received_, bytes, length);
  transfer.received_ += length;
  return length;
}

size_t HttpTransfer::on_header(char* line, size_t size, size_t count, void* self) {
  auto& transfer = *static_cast<HttpTransfer*>(self);
  std::string_view text(line, size * count);
  if (!transfer.answered_at_) transfer.answered_at_ = transfer.client_.executor_.now();
  if (text.starts_with("HTTP/")) transfer.response_.headers.clear();  // of an answer before this
  transfer.headers_ended_ = text == "\r\n" || text == "\n";
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

base::Result<HttpResponse> HttpTransfer::result() {
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
  // To libcurl a connection that breaks among the headers ends them.
  if (!headers_ended_) {
    return base::fail(base::ErrorCode::kUnavailable, "the answer ended within its headers");
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

}  // namespace thalweg::object_store::s3
