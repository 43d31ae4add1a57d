#include "kafka_protocol/server/listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "streamcore/base/check.h"
#include "streamcore/base/log.h"

namespace thalweg::server {

using base::ErrorCode;

namespace {

constexpr int kBacklog = 4096;  // the kernel lowers it to net.core.somaxconn
constexpr int kAcceptsPerTurn = 64;
constexpr base::Duration kPauseWithoutDescriptors = std::chrono::milliseconds(100);

struct AddressList {
  addrinfo* first = nullptr;
  ~AddressList() {
    if (first != nullptr) ::freeaddrinfo(first);
  }
};

void set_option(int fd, int level, int option, int value) {
  (void)::setsockopt(fd, level, option, &value, sizeof(value));
}

// A host file often knows only one address of localhost; clients may try either, so both are
// listened on.
int look_up(const std::string& host, addrinfo hints, AddressList& list) {
  if (is_wildcard(host)) return ::getaddrinfo(nullptr, "0", &hints, &list.first);
  if (host != "localhost") return ::getaddrinfo(host.c_str(), "0", &hints, &list.first);
  hints.ai_flags = 0;  // no AI_PASSIVE: the loopback address of each family
  return ::getaddrinfo(nullptr, "0", &hints, &list.first);
}

std::string reason() { return std::strerror(errno); }

}  // namespace

base::Result<std::unique_ptr<Listener>> Listener::open(ListenerOptions options) {
  std::unique_ptr<Listener> listener(new Listener(std::move(options)));
  if (auto opened = listener->open_sockets(); !opened) {
    return std::unexpected(std::move(opened).error());
  }
  return listener;
}

Listener::~Listener() {
  for (const int fd : fds_) ::close(fd);
}

// Both families get a socket of their own, so that a machine without one of them still serves the
// other.
base::Status Listener::open_sockets() {
  const Endpoint& bind = options_.bind;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  AddressList list;
  const int error = look_up(bind.host, hints, list);
  if (error != 0) {
    return base::fail(ErrorCode::kInvalidArgument,
                      "cannot listen on " + to_string(bind) + ": " + ::gai_strerror(error));
  }
  uint16_t port = bind.port;
  for (const addrinfo* one = list.first; one != nullptr; one = one->ai_next) {
    sockaddr_storage address{};
    std::memcpy(&address, one->ai_addr, one->ai_addrlen);
    if (!TRY(open_socket(address, one->ai_addrlen, port))) continue;
    port = addresses_.back().port;
  }
  if (!fds_.empty()) return {};
  return base::fail(ErrorCode::kUnavailable,
                    "cannot listen on " + to_string(bind) + ": no address family is available");
}

// False if this machine does not have the address family or the address.
base::Result<bool> Listener::open_socket(const sockaddr_storage& address, size_t length,
                                         uint16_t port) {
  const bool only_address = !is_wildcard(options_.bind.host) && options_.bind.host != "localhost";
  const int fd = ::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  sockaddr_storage wanted = address;
  if (wanted.ss_family == AF_INET6) {
    set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    reinterpret_cast<sockaddr_in6&>(wanted).sin6_port = htons(port);
  } else {
    reinterpret_cast<sockaddr_in&>(wanted).sin_port = htons(port);
  }
  set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  // Accepted sockets inherit the sizes; the receive window is settled before accept.
  if (options_.receive_buffer_bytes > 0) {
    set_option(fd, SOL_SOCKET, SO_RCVBUF, options_.receive_buffer_bytes);
  }
  if (options_.send_buffer_bytes > 0) {
    set_option(fd, SOL_SOCKET, SO_SNDBUF, options_.send_buffer_bytes);
  }
  const auto* generic = reinterpret_cast<const sockaddr*>(&wanted);
  if (::bind(fd, generic, static_cast<socklen_t>(length)) != 0 || ::listen(fd, kBacklog) != 0) {
    const int error = errno;
    ::close(fd);
    if (error == EADDRNOTAVAIL && !only_address) return false;
    return base::fail(
        ErrorCode::kUnavailable,
        "cannot listen on " + to_string(endpoint_of(wanted)) + ": " + std::strerror(error));
  }
  socklen_t actual_length = sizeof(wanted);
  CHECK(::getsockname(fd, reinterpret_cast<sockaddr*>(&wanted), &actual_length) == 0);
  fds_.push_back(fd);
  addresses_.push_back(endpoint_of(wanted));
  return true;
}

void Listener::start(AsioExecutor& home, Adopt adopt) {
  adopt_ = std::move(adopt);
  group_.emplace(home);
  for (const int fd : fds_) {
    sockets_.push_back(std::make_unique<PolledFd>(home, fd));
    group_->spawn(accept_clients(*sockets_.back()));
  }
  fds_.clear();
}

base::Task<void> Listener::stop_and_join() {
  if (!group_) co_return;
  for (auto& socket : sockets_) socket->cancel();
  co_await group_->stop_and_join();
  sockets_.clear();
}

base::Task<void> Listener::accept_clients(PolledFd& socket) {
  while (co_await socket.readable()) {
    for (int i = 0; i < kAcceptsPerTurn; ++i) {
      if (accept_one(socket)) continue;
      if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM) break;
      base::log_warn("cannot accept a connection: " + reason() + " listener=" + options_.name);
      if (!co_await group_->sleep_for(kPauseWithoutDescriptors)) co_return;
      break;
    }
  }
}

// False, with errno, if there was none to accept.
bool Listener::accept_one(const PolledFd& socket) {
  sockaddr_storage peer{};
  socklen_t length = sizeof(peer);
  const int fd = ::accept4(socket.fd(), reinterpret_cast<sockaddr*>(&peer), &length,
                           SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return errno == ECONNABORTED || errno == EINTR;
  tune(fd);
  adopt_(fd, describe(fd, peer));
  return true;
}

void Listener::tune(int fd) const {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

ConnectionInfo Listener::describe(int fd, const sockaddr_storage& peer) const {
  sockaddr_storage local{};
  socklen_t length = sizeof(local);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&local), &length) != 0) local = {};
  ConnectionInfo info{.listener = options_.name,
                      .peer = endpoint_of(peer),
                      .local = endpoint_of(local),
                      .advertised = {}};
  if (options_.advertised) {
    info.advertised = *options_.advertised;
    if (info.advertised.port == 0) info.advertised.port = port();
  } else if (is_wildcard(options_.bind.host)) {
    info.advertised = info.local;
  } else {
    info.advertised = {.host = options_.bind.host, .port = port()};
  }
  return info;
}

}  // namespace thalweg::server
