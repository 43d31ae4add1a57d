// serve: the life of a broker process, from listening to the exit code.
//
// The sockets listen first, so that clients queue while the store opens; then the backend is
// opened, clients are served, and a signal drains the process. What is behind the connections comes
// in as a Backend, which main composes.
#pragma once

#include <functional>
#include <iosfwd>
#include <memory>

#include "kafka_protocol/server/config.h"
#include "kafka_protocol/server/cores.h"
#include "kafka_protocol/server/metrics_text.h"
#include "kafka_protocol/server/request_handler.h"

namespace thalweg::server {

// Backend: the handlers and everything below them.
class Backend {
 public:
  // On main's thread, after close(); nothing of it runs any more.
  virtual ~Backend() = default;
  virtual RequestHandler& handler() = 0;
  // What it counts. On the home core.
  virtual void write_metrics(MetricsText& text) const = 0;
  // Finishes and joins background work; no request is left. On the home core, once. A failure makes
  // the exit code 1.
  virtual base::Task<base::Status> close() = 0;
};

// Called on main's thread while the cores run; run_blocking() waits for what must happen on the
// home core.
using OpenBackend =
    std::function<base::Result<std::unique_ptr<Backend>>(const Config& config, Cores& cores)>;

// Returns the exit code (cli.h) after SIGTERM or SIGINT, or if the start failed. A second signal
// ends the process at once, and so does a drain that takes longer than thalweg.shutdown.timeout.ms.
int serve(const Config& config, const OpenBackend& open_backend, std::ostream& out,
          std::ostream& err);

}  // namespace thalweg::server
