#include "kafka_protocol/server/loop_poller.h"

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <utility>

#include "kafka_protocol/server/event_loop.h"

namespace thalweg::server {

namespace {

using Descriptor =
    boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type>;

// Shared with the wait that is under way, which Asio ends after the watch has gone.
struct Watched {
  Watched(AsioExecutor& owner, int fd, std::function<void()> on_ready)
      : executor(owner),
        descriptor(owner.loop().io.get_executor(), fd),
        callback(std::move(on_ready)) {}
  AsioExecutor& executor;
  Descriptor descriptor;
  std::function<void()> callback;
  bool over = false;
};

void wait(std::shared_ptr<Watched> watched) {
  Descriptor& descriptor = watched->descriptor;
  descriptor.async_wait(Descriptor::wait_read, [watched = std::move(watched)](
                                                   const boost::system::error_code& error) mutable {
    if (error || watched->over) return;
    watched->callback();
    if (watched->over) return;
    // Once a turn: a descriptor that stays ready would keep the poll from ending, and everybody
    // else waiting.
    AsioExecutor& executor = watched->executor;
    executor.post([watched = std::move(watched)]() mutable {
      if (!watched->over) wait(std::move(watched));
    });
  });
}

class LoopWatch final : public base::FdPoller::Watch {
 public:
  explicit LoopWatch(std::shared_ptr<Watched> watched) : watched_(std::move(watched)) {}
  ~LoopWatch() override {
    watched_->over = true;
    watched_->descriptor.release();
  }

 private:
  std::shared_ptr<Watched> watched_;
};

}  // namespace

std::unique_ptr<base::FdPoller::Watch> LoopPoller::watch_readable(int fd,
                                                                  std::function<void()> callback) {
  auto watched = std::make_shared<Watched>(executor_, fd, std::move(callback));
  wait(watched);
  return std::make_unique<LoopWatch>(std::move(watched));
}

}  // namespace thalweg::server
