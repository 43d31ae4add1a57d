#include "kafka_protocol/server/serve.h"

#include <unistd.h>

#include <ostream>
#include <utility>
#include <vector>

#include "kafka_protocol/server/blocking.h"
#include "kafka_protocol/server/cli.h"
#include "kafka_protocol/server/settings.h"
#include "kafka_protocol/server/shutdown_signals.h"
#include "kafka_protocol/server/welcome.h"
#include "streamcore/base/log.h"

namespace thalweg::server {

namespace {

int refuse(std::ostream& err, int exit_code, const base::Error& error) {
  err << "thalweg: " << error.message << std::endl;
  return exit_code;
}

base::LogLevel log_level(const Config& config) {
  const std::string& name = config.get_string("thalweg.log.level");
  if (name == "debug") return base::LogLevel::kDebug;
  if (name == "warn") return base::LogLevel::kWarn;
  return name == "error" ? base::LogLevel::kError : base::LogLevel::kInfo;
}

base::Result<std::vector<std::unique_ptr<Listener>>> open_listeners(
    std::vector<ListenerOptions> options) {
  std::vector<std::unique_ptr<Listener>> listeners;
  for (ListenerOptions& one : options) {
    auto opened = Listener::open(std::move(one));
    if (!opened) return std::unexpected(std::move(opened).error());
    listeners.push_back(std::move(*opened));
  }
  return listeners;
}

std::string data_place(const Config& config) {
  const std::string& store = config.get_string("thalweg.store");
  const std::string& directory = config.get_string("thalweg.data.dir");
  std::string log;
  for (const std::string& url : config.get_list("thalweg.chunks")) {
    log += (log.empty() ? "" : " ") + url.substr(0, url.find('?'));
  }
  const std::string rest = store.empty() ? directory : store.substr(0, store.find('?'));
  if (log.empty()) log = directory;
  return log.empty() || log == rest ? rest : rest + ", log in " + log;
}

// Accepts clients until a signal, and finishes what they began.
void serve_clients(const Config& config, Cores& cores, RequestHandler& handler,
                   std::vector<std::unique_ptr<Listener>> listeners, ShutdownSignals& signals,
                   std::ostream& out) {
  KafkaServer server(cores, handler, server_options(config), std::move(listeners));
  server.start();
  out << welcome(server.listeners(), data_place(config)) << std::endl;
  base::log_info("started node_id=" + std::to_string(*node_id(config)) +
                 " cores=" + std::to_string(cores.size()));
  const int signal = signals.wait();
  signals.restore();
  base::log_info("stopping signal=" + std::to_string(signal) +
                 " connections=" + std::to_string(server.connections().open()));
  if (server.stop(std::chrono::milliseconds(config.get_int("thalweg.shutdown.timeout.ms")))) return;
  base::log_warn("requests are still unfinished; ending without them");
  // Their frames still refer to the server and to what is below it: nothing can be taken apart.
  ::_exit(kExitFailed);
}

}  // namespace

int serve(const Config& config, const OpenBackend& open_backend, std::ostream& out,
          std::ostream& err) {
  ShutdownSignals signals;
  base::set_log_level(log_level(config));
  auto options = listener_options(config);
  if (!options) return refuse(err, kExitMisuse, options.error());
  if (const auto id = node_id(config); !id) return refuse(err, kExitMisuse, id.error());
  auto listeners = open_listeners(std::move(*options));
  if (!listeners) return refuse(err, kExitFailed, listeners.error());
  Cores cores(core_count(config));
  cores.start();
  auto backend = open_backend(config, cores);
  if (!backend) return refuse(err, kExitFailed, backend.error());
  serve_clients(config, cores, (*backend)->handler(), std::move(*listeners), signals, out);
  const base::Status closed = run_blocking(cores.home(), (*backend)->close());
  cores.stop_and_join();
  if (!closed) return refuse(err, kExitFailed, closed.error());
  base::log_info("stopped");
  return kExitDone;
}

}  // namespace thalweg::server
