#include "tests/kafka_protocol/server/test_client.h"

#include <endian.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace thalweg::server {

namespace {

template <class T>
void put(std::string& out, T big_endian) {
  out.append(reinterpret_cast<const char*>(&big_endian), sizeof(big_endian));
}

}  // namespace

std::string request(int16_t api_key, int32_t correlation_id, char command,
                    std::string_view payload) {
  std::string out;
  put(out, htobe32(static_cast<uint32_t>(11 + payload.size())));
  put(out, htobe16(static_cast<uint16_t>(api_key)));
  put(out, htobe16(0));
  put(out, htobe32(static_cast<uint32_t>(correlation_id)));
  put(out, htobe16(0xffff));
  out += command;
  out += payload;
  return out;
}

TestClient::TestClient(uint16_t port, bool v6)
    : fd_(::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const timeval limit{.tv_sec = 10, .tv_usec = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (v6) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htobe16(port);
    address.sin6_addr = in6addr_loopback;
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  } else {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htobe16(port);
    address.sin_addr.s_addr = htobe32(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  }
}

TestClient::~TestClient() { ::close(fd_); }

bool TestClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

bool TestClient::receive_exactly(char* into, size_t bytes) {
  while (bytes > 0) {
    const ssize_t n = ::recv(fd_, into, bytes, 0);
    if (n <= 0) return false;
    into += n;
    bytes -= static_cast<size_t>(n);
  }
  return true;
}

std::optional<Answer> TestClient::receive() {
  uint32_t words[2];
  if (!receive_exactly(reinterpret_cast<char*>(words), sizeof(words))) return std::nullopt;
  Answer answer{.correlation_id = static_cast<int32_t>(be32toh(words[1])),
                .payload = std::string(be32toh(words[0]) - 4, '\0')};
  if (!receive_exactly(answer.payload.data(), answer.payload.size())) return std::nullopt;
  return answer;
}

bool TestClient::closed_by_server() {
  char byte;
  const ssize_t n = ::recv(fd_, &byte, 1, 0);
  return n == 0 || (n < 0 && errno == ECONNRESET);
}

void TestClient::shutdown_sending() { ::shutdown(fd_, SHUT_WR); }

}  // namespace thalweg::server
