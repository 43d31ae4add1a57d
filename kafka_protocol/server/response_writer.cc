#include "kafka_protocol/server/response_writer.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <utility>

namespace thalweg::server {

namespace {
constexpr size_t kPartsPerWrite = 256;             // far below IOV_MAX; bounds the stack
constexpr size_t kBytesPerTurn = 4 * 1024 * 1024;  // one connection's share before others run
}  // namespace

void ResponseWriter::send(wire::EncodedMessage message) {
  if (failed_) return;
  if (bytes_ == 0) last_progress_ = executor_.now();
  const size_t parts_before = parts_.size();
  message.for_each_part([this](base::ByteView bytes) { parts_.push_back({bytes, false}); });
  if (parts_.size() == parts_before) return;
  parts_.back().ends_message = true;
  bytes_ += message.size_bytes();
  budget_.take(message.size_bytes());
  messages_.push_back(std::move(message));  // moves no byte the parts point at
  if (flush_posted_ || writers_.size() != 0) return;
  flush_posted_ = true;
  executor_.post([this] {
    flush_posted_ = false;
    flush();
    changed_.notify_all();
  });
}

void ResponseWriter::flush() {
  if (failed_ || writers_.size() != 0) return;
  size_t budget = kBytesPerTurn;
  while (bytes_ > 0) {
    const size_t before = bytes_;
    if (!write_once()) return;
    if (bytes_ == before || before - bytes_ >= budget) {
      writers_.spawn(write_when_possible());
      return;
    }
    budget -= before - bytes_;
  }
}

base::Task<void> ResponseWriter::write_when_possible() {
  while (bytes_ > 0 && !failed_) {
    if (!co_await socket_.writable()) {
      fail();
      co_return;
    }
    if (!write_once()) co_return;
    changed_.notify_all();
  }
}

// True if the socket still works; bytes_ tells whether it took anything.
bool ResponseWriter::write_once() {
  std::array<iovec, kPartsPerWrite> parts;
  size_t count = 0;
  for (size_t i = first_part_; i < parts_.size() && count < parts.size(); ++i) {
    const base::ByteView bytes = parts_[i].bytes;
    parts[count++] = {.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
  }
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = count;
  const ssize_t written = ::sendmsg(socket_.fd(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (written >= 0) {
    last_progress_ = executor_.now();
    drop_written(static_cast<size_t>(written));
    return true;
  }
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return true;
  fail();
  return false;
}

void ResponseWriter::drop_written(size_t bytes) {
  bytes_ -= bytes;
  budget_.give_back(bytes);
  while (bytes > 0) {
    Part& front = parts_[first_part_];
    if (bytes < front.bytes.size()) {
      front.bytes = front.bytes.subspan(bytes);
      break;
    }
    bytes -= front.bytes.size();
    // Lets go of the record buffers at once.
    if (front.ends_message) messages_[first_message_++] = wire::EncodedMessage();
    ++first_part_;
  }
  if (bytes_ == 0) {
    forget_all();
  } else if (first_part_ >= kPartsPerWrite && first_part_ * 2 >= parts_.size()) {
    forget_written();
  }
}

void ResponseWriter::forget_all() {
  parts_.clear();
  messages_.clear();
  first_part_ = first_message_ = 0;
}

void ResponseWriter::forget_written() {
  parts_.erase(parts_.begin(), parts_.begin() + static_cast<ptrdiff_t>(first_part_));
  messages_.erase(messages_.begin(), messages_.begin() + static_cast<ptrdiff_t>(first_message_));
  first_part_ = first_message_ = 0;
}

base::Task<bool> ResponseWriter::wait_for_room() {
  while (!failed_ && !has_room()) co_await changed_.wait();
  co_return !failed_;
}

base::Task<void> ResponseWriter::drain() {
  while (flush_posted_ || (bytes_ > 0 && !failed_)) co_await changed_.wait();
  co_await writers_.stop_and_join();
}

void ResponseWriter::fail() {
  if (failed_) return;
  failed_ = true;
  forget_all();
  budget_.give_back(std::exchange(bytes_, 0));
  socket_.cancel();
  changed_.notify_all();
}

}  // namespace thalweg::server
