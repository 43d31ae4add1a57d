// AsioExecutor's inside, shared with PolledFd only: the one place where Asio is visible. Included
// by .cc files.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <vector>

#include "kafka_protocol/server/asio_executor.h"
#include "kafka_protocol/server/timer_queue.h"
#include "streamcore/base/mailbox.h"

namespace thalweg::server {

struct AsioExecutor::Loop {
  // Timers of exactly this io_context: no type-erased executor, no allocation per operation.
  using Alarm =
      boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                        boost::asio::wait_traits<std::chrono::steady_clock>,
                                        boost::asio::io_context::executor_type>;

  void run_turn();
  bool run_local();
  void run_mail();
  void run_timers();
  void arm_alarm();
  void poll(bool may_block);

  boost::asio::io_context io{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};
  std::atomic<bool> stopped{false};
  base::Mailbox mailbox;
  std::vector<base::Callback> local;    // posted by this thread since the batch below began
  std::vector<base::Callback> running;  // the batch being run
  std::vector<base::Callback> mail;
  TimerQueue timers;
  Alarm alarm{io};
  base::TimePoint alarm_at = base::TimePoint::max();
};

}  // namespace thalweg::server
