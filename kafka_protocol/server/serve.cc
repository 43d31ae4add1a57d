#include "kafka_protocol/server/serve.h"

#include <unistd.h>

#include <optional>
#include <ostream>
#include <utility>
#include <vector>

#include "kafka_protocol/server/blocking.h"
#include "kafka_protocol/server/cli.h"
#include "kafka_protocol/server/metrics_server.h"
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

// Those that are wrong whatever machine this is.
base::Status check_settings(const Config& config) {
  TRY(listener_options(config));
  TRY(metrics_listener_options(config));
  TRY(node_id(config));
  return {};
}

struct Listeners {
  std::vector<std::unique_ptr<Listener>> clients;
  std::unique_ptr<Listener> metrics;  // null = there are none
};

base::Result<Listeners> open_listeners(const Config& config) {
  Listeners listeners;
  for (ListenerOptions& one : TRY(listener_options(config))) {
    listeners.clients.push_back(TRY(Listener::open(std::move(one))));
  }
  auto metrics = TRY(metrics_listener_options(config));
  if (metrics) listeners.metrics = TRY(Listener::open(std::move(*metrics)));
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

std::string metrics_page(const ConnectionBudget& connections, const Backend& backend) {
  MetricsText text;
  text.gauge("thalweg_info", "1; the label is what runs.");
  text.sample({{"version", kVersion}}, 1);
  text.gauge("thalweg_connections", "Clients connected now.");
  text.sample({}, connections.open());
  text.counter("thalweg_connections_accepted_total", "Clients that were accepted.");
  text.sample({}, connections.accepted());
  text.counter("thalweg_connections_refused_total", "Clients beyond max.connections.");
  text.sample({}, connections.refused());
  text.gauge("thalweg_request_memory_bytes", "Of large requests that are arriving.");
  text.sample({}, connections.requests.used());
  text.gauge("thalweg_response_memory_bytes", "Of responses that clients have not taken.");
  text.sample({}, connections.responses.used());
  backend.write_metrics(text);
  return text.text();
}

base::Task<base::Status> stop(MetricsServer& metrics) {
  co_await metrics.stop_and_join();
  co_return base::Status{};
}

// Accepts clients until a signal, and finishes what they began.
void serve_clients(const Config& config, Cores& cores, Backend& backend, Listeners listeners,
                   ShutdownSignals& signals, std::ostream& out) {
  KafkaServer server(cores, backend.handler(), server_options(config),
                     std::move(listeners.clients));
  std::optional<MetricsServer> metrics;
  if (listeners.metrics) {
    metrics.emplace(cores.home(), std::move(listeners.metrics),
                    [&] { return metrics_page(server.connections(), backend); });
    cores.home().post([&] { metrics->start(); });
  }
  server.start();
  out << welcome(server.listeners(), data_place(config)) << std::endl;
  base::log_info("started node_id=" + std::to_string(*node_id(config)) +
                 " cores=" + std::to_string(cores.size()));
  const int signal = signals.wait();
  signals.restore();
  base::log_info("stopping signal=" + std::to_string(signal) +
                 " connections=" + std::to_string(server.connections().open()));
  if (metrics) run_blocking(cores.home(), stop(*metrics));
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
  if (const auto checked = check_settings(config); !checked) {
    return refuse(err, kExitMisuse, checked.error());
  }
  auto listeners = open_listeners(config);
  if (!listeners) return refuse(err, kExitFailed, listeners.error());
  Cores cores(core_count(config));
  cores.start();
  auto backend = open_backend(config, cores);
  if (!backend) return refuse(err, kExitFailed, backend.error());
  serve_clients(config, cores, **backend, std::move(*listeners), signals, out);
  const base::Status closed = run_blocking(cores.home(), (*backend)->close());
  cores.stop_and_join();
  if (!closed) return refuse(err, kExitFailed, closed.error());
  base::log_info("stopped");
  return kExitDone;
}

}  // namespace thalweg::server
