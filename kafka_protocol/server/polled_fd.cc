#include "kafka_protocol/server/polled_fd.h"

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include "kafka_protocol/server/event_loop.h"

namespace thalweg::server {

struct PolledFd::Descriptor {
  boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type> asio;
};

PolledFd::PolledFd(AsioExecutor& executor, int fd)
    : descriptor_(new Descriptor{{executor.loop().io.get_executor(), fd}}), fd_(fd) {}

PolledFd::~PolledFd() = default;

void PolledFd::cancel() {
  cancelled_ = true;
  boost::system::error_code ignored;
  descriptor_->asio.cancel(ignored);
}

void PolledFd::start_wait(bool for_write, std::coroutine_handle<> handle, bool* ready) {
  using Base = boost::asio::posix::descriptor_base;
  descriptor_->asio.async_wait(for_write ? Base::wait_write : Base::wait_read,
                               [this, handle, ready](const boost::system::error_code& error) {
                                 *ready = !error && !cancelled_;
                                 handle.resume();
                               });
}

}  // namespace thalweg::server
