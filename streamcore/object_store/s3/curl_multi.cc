#include "streamcore/object_store/s3/curl_multi.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <utility>

#include "streamcore/base/check.h"

namespace thalweg::object_store::s3 {

base::Result<std::unique_ptr<CurlMulti>> CurlMulti::make(base::Executor& executor,
                                                         base::FdPoller& poller,
                                                         size_t kept_connections, Done done) {
  CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
  std::unique_ptr<CurlMulti> made(new CurlMulti(executor, std::move(done)));
  made->epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  if (made->epoll_ < 0) {
    return base::fail(base::ErrorCode::kUnavailable, "no descriptor for the connections of S3");
  }
  made->multi_ = curl_multi_init();
  CHECK(made->multi_ != nullptr);
  CURLM* const multi = made->multi_;
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &CurlMulti::on_socket);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, made.get());
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &CurlMulti::on_timer);
  curl_multi_setopt(multi, CURLMOPT_TIMERDATA, made.get());
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, static_cast<long>(kept_connections));
  curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
  made->watch_ = poller.watch_readable(made->epoll_, [self = made.get()] { self->on_ready(); });
  return made;
}

CurlMulti::~CurlMulti() {
  watch_.reset();
  if (multi_ != nullptr) {
    // Closing connections may ask for timers, which nobody would run.
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, nullptr);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, nullptr);
    CHECK(curl_multi_cleanup(multi_) == CURLM_OK);
  }
  if (epoll_ >= 0) ::close(epoll_);
}

void CurlMulti::add(CURL* easy) { CHECK(curl_multi_add_handle(multi_, easy) == CURLM_OK); }

void CurlMulti::remove(CURL* easy) { CHECK(curl_multi_remove_handle(multi_, easy) == CURLM_OK); }

// `known` is null for a socket that libcurl shows for the first time.
int CurlMulti::on_socket(CURL*, curl_socket_t socket, int what, void* self, void* known) {
  auto& multi = *static_cast<CurlMulti*>(self);
  if (what == CURL_POLL_REMOVE) {
    ::epoll_ctl(multi.epoll_, EPOLL_CTL_DEL, socket, nullptr);
    return 0;
  }
  epoll_event event{};
  event.data.fd = socket;
  if ((what & CURL_POLL_IN) != 0) event.events |= EPOLLIN;
  if ((what & CURL_POLL_OUT) != 0) event.events |= EPOLLOUT;
  const int operation = known == nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  const int other = known == nullptr ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  // The number of a socket that was closed without a word may have come back for another one.
  if (::epoll_ctl(multi.epoll_, operation, socket, &event) != 0) {
    CHECK_EQ(::epoll_ctl(multi.epoll_, other, socket, &event), 0);
  }
  curl_multi_assign(multi.multi_, socket, &multi);
  return 0;
}

int CurlMulti::on_timer(CURLM*, long delay_ms, void* self) {
  auto& multi = *static_cast<CurlMulti*>(self);
  if (multi.timer_ != 0) multi.executor_.cancel(std::exchange(multi.timer_, 0));
  if (delay_ms < 0) return 0;
  multi.timer_ = multi.executor_.run_after(std::chrono::milliseconds(delay_ms), [&multi] {
    multi.timer_ = 0;
    multi.act(CURL_SOCKET_TIMEOUT, 0);
  });
  return 0;
}

// One socket, however many are ready: it may have half a MiB to be read or sent, and whoever else
// lives on the executor waits meanwhile. The epoll stays readable for the others.
void CurlMulti::on_ready() {
  epoll_event event{};
  if (::epoll_wait(epoll_, &event, 1, 0) != 1) return;
  int what = 0;
  if ((event.events & EPOLLIN) != 0) what |= CURL_CSELECT_IN;
  if ((event.events & EPOLLOUT) != 0) what |= CURL_CSELECT_OUT;
  if ((event.events & (EPOLLERR | EPOLLHUP)) != 0) what |= CURL_CSELECT_ERR;
  act(event.data.fd, what);
}

void CurlMulti::act(curl_socket_t socket, int events) {
  int running = 0;
  CHECK(curl_multi_socket_action(multi_, socket, events, &running) == CURLM_OK);
  report_ended();
}

void CurlMulti::report_ended() {
  int left = 0;
  while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg == CURLMSG_DONE) done_(message->easy_handle, message->data.result);
  }
}

}  // namespace thalweg::object_store::s3
