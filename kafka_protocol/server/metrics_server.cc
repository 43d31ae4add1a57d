#include "kafka_protocol/server/metrics_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

namespace thalweg::server {

namespace {

constexpr std::string_view kHeadEnd = "\r\n\r\n";

std::string response(std::string_view status, std::string_view type, std::string_view body) {
  return "HTTP/1.1 " + std::string(status) + "\r\nContent-Type: " + std::string(type) +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" +
         std::string(body);
}

std::string refusal(std::string_view status) {
  return response(status, "text/plain", std::string(status) + "\n");
}

}  // namespace

void MetricsServer::start() {
  listener_->start(home_, [this](int fd, const ConnectionInfo&) { adopt(fd); });
}

base::Task<void> MetricsServer::stop_and_join() {
  co_await listener_->stop_and_join();
  for (PolledFd* socket : sockets_) socket->cancel();
  co_await clients_.stop_and_join();
}

void MetricsServer::adopt(int fd) {
  if (clients_.size() >= kMetricsClientsMax) {
    ::close(fd);
    return;
  }
  clients_.spawn(serve(fd));
}

base::Task<void> MetricsServer::serve(int fd) {
  PolledFd socket(home_, fd);
  sockets_.push_back(&socket);
  base::TimerId timer = home_.run_after(kMetricsTimeMax, [&] {
    timer = 0;
    socket.cancel();
  });
  const std::string head = co_await read_head(socket);
  if (!head.empty()) co_await write(socket, answer(head));
  if (timer != 0) home_.cancel(timer);
  std::erase(sockets_, &socket);
}

// Up to its empty line; nothing if the client went away or took too long. What is longer than
// allowed comes without its end.
base::Task<std::string> MetricsServer::read_head(PolledFd& socket) {
  std::array<char, 1024> bytes{};
  std::string head;
  while (head.size() <= kMetricsRequestBytesMax && !head.contains(kHeadEnd)) {
    const ssize_t count = ::recv(socket.fd(), bytes.data(), bytes.size(), 0);
    if (count > 0) head.append(bytes.data(), static_cast<size_t>(count));
    if (count > 0 || (count < 0 && errno == EINTR)) continue;
    if (count == 0 || errno != EAGAIN || !co_await socket.readable()) co_return std::string();
  }
  co_return head;
}

std::string MetricsServer::answer(std::string_view head) const {
  if (!head.contains(kHeadEnd)) return refusal("431 Request Header Fields Too Large");
  const std::string_view line = head.substr(0, head.find("\r\n"));
  const std::string_view method = line.substr(0, line.find(' '));
  const size_t version = line.rfind(" HTTP/1.");
  if (method.size() == line.size() || version == std::string_view::npos) {
    return refusal("400 Bad Request");
  }
  if (method != "GET") return refusal("405 Method Not Allowed");
  const std::string_view target = line.substr(method.size(), version - method.size());
  if (target.substr(0, target.find('?')) != " /metrics") return refusal("404 Not Found");
  return response("200 OK", "text/plain; version=0.0.4; charset=utf-8", page_());
}

base::Task<void> MetricsServer::write(PolledFd& socket, std::string answer) {
  std::string_view rest = answer;
  while (!rest.empty()) {
    const ssize_t count = ::send(socket.fd(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (count >= 0) rest.remove_prefix(static_cast<size_t>(count));
    if (count >= 0 || errno == EINTR) continue;
    if (errno != EAGAIN || !co_await socket.writable()) co_return;
  }
}

}  // namespace thalweg::server
