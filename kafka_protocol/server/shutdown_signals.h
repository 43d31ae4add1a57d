// ShutdownSignals: SIGTERM and SIGINT as something main waits for. The first one begins the drain;
// the next one, after restore(), ends the process at once, as if nothing handled it.
#pragma once

namespace thalweg::server {

class ShutdownSignals {
 public:
  // Blocks both signals in this thread and in those it starts: construct it before any other
  // thread.
  ShutdownSignals();
  // Returns the first signal's number.
  int wait();
  void restore();
  // As if the first one had come from outside: the process has a reason of its own to end. Any
  // thread.
  static void raise();
};

}  // namespace thalweg::server
