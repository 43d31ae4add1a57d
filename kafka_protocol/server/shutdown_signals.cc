#include "kafka_protocol/server/shutdown_signals.h"

#include <unistd.h>

#include <csignal>

#include "streamcore/base/check.h"

namespace thalweg::server {

namespace {

sigset_t both() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

ShutdownSignals::ShutdownSignals() {
  const sigset_t set = both();
  CHECK_EQ(::pthread_sigmask(SIG_BLOCK, &set, nullptr), 0);
  std::signal(SIGPIPE, SIG_IGN);
}

int ShutdownSignals::wait() {
  const sigset_t set = both();
  int signal = 0;
  CHECK_EQ(::sigwait(&set, &signal), 0);
  return signal;
}

void ShutdownSignals::restore() {
  const sigset_t set = both();
  std::signal(SIGTERM, SIG_DFL);
  std::signal(SIGINT, SIG_DFL);
  CHECK_EQ(::pthread_sigmask(SIG_UNBLOCK, &set, nullptr), 0);
}

void ShutdownSignals::raise() { CHECK_EQ(::kill(::getpid(), SIGTERM), 0); }

}  // namespace thalweg::server
