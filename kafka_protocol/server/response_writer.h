// ResponseWriter: the outgoing side of one connection. Parts of many responses are gathered into as
// few sendmsg calls as possible, once per turn of the loop.
//
// Lives on the connection's executor. Bounded: past kOutputBytesLow the pipeline starts nothing new
// until the client has read. Failure of the socket is final: what is queued is dropped, what comes
// later too.
#pragma once

#include <cstddef>
#include <vector>

#include "kafka_protocol/server/byte_budget.h"
#include "kafka_protocol/server/polled_fd.h"
#include "kafka_protocol/wire/codec.h"
#include "streamcore/base/bytes.h"
#include "streamcore/base/sync.h"
#include "streamcore/base/task.h"
#include "streamcore/base/task_group.h"

namespace thalweg::server {

class ResponseWriter {
 public:
  static constexpr size_t kOutputBytesLow = 64 * 1024;

  // What is queued is counted in `budget`, which all connections share.
  ResponseWriter(AsioExecutor& executor, PolledFd& socket, ByteBudget& budget)
      : executor_(executor),
        socket_(socket),
        budget_(budget),
        writers_(executor),
        changed_(executor) {}

  // Queues one message; it is written at the end of this turn.
  void send(wire::EncodedMessage message);
  // Waits until no more than kOutputBytesLow are queued. False if the socket failed.
  base::Task<bool> wait_for_room();
  bool has_room() const { return bytes_ <= kOutputBytesLow; }
  // Waits until everything is written or the socket failed, and nothing refers to this object any
  // more.
  base::Task<void> drain();
  // Drops everything and wakes every waiter.
  void fail();
  bool failed() const { return failed_; }

  size_t bytes() const { return bytes_; }
  // When bytes last left, or the queue last became non-empty. Meaningful only if bytes() > 0.
  base::TimePoint last_progress() const { return last_progress_; }

 private:
  void flush();
  bool write_once();
  void drop_written(size_t bytes);
  base::Task<void> write_when_possible();

  AsioExecutor& executor_;
  PolledFd& socket_;
  ByteBudget& budget_;
  base::TaskGroup writers_;  // at most one: waits for a socket whose buffer is full
  base::Notifier changed_;
  // Parts of queued messages in order; they point into messages_, which keeps what was not written
  // in full.
  struct Part {
    base::ByteView bytes;
    bool ends_message;
  };
  void forget_all();
  void forget_written();
  std::vector<Part> parts_;
  size_t first_part_ = 0;
  std::vector<wire::EncodedMessage> messages_;
  size_t first_message_ = 0;
  size_t bytes_ = 0;  // queued, not yet taken by the kernel
  base::TimePoint last_progress_{};
  bool flush_posted_ = false;
  bool failed_ = false;
};

}  // namespace thalweg::server
