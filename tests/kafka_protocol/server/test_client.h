// TestClient: a blocking socket that speaks frames. Every read gives up after ten seconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace thalweg::server {

// A request as EchoHandler understands it, with its length and a null client id.
std::string request(int16_t api_key, int32_t correlation_id, char command,
                    std::string_view payload = {});

struct Answer {
  int32_t correlation_id;
  std::string payload;
};

class TestClient {
 public:
  // Connects to 127.0.0.1, or to ::1.
  explicit TestClient(uint16_t port, bool v6 = false);
  ~TestClient();
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  bool connected() const { return connected_; }
  // False if the server closed the connection.
  bool send(std::string_view bytes);
  std::optional<Answer> receive();
  // Waits until the server closed the connection; false if it did not, or sent something instead.
  bool closed_by_server();
  void shutdown_sending();
  int fd() const { return fd_; }

 private:
  bool receive_exactly(char* into, size_t bytes);
  int fd_;
  bool connected_ = false;
};

}  // namespace thalweg::server
