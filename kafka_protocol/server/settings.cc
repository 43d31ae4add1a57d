#include "kafka_protocol/server/settings.h"

#include <algorithm>
#include <string>
#include <thread>
#include <utility>

namespace thalweg::server {

using base::ErrorCode;

namespace {

struct NamedEndpoint {
  std::string name;
  Endpoint endpoint;
};

base::Result<NamedEndpoint> parse_named(const std::string& key, const std::string& text) {
  const size_t separator = text.find("://");
  if (separator == std::string::npos || separator == 0) {
    return base::fail(ErrorCode::kInvalidArgument,
                      key + ": '" + text + "' is not NAME://HOST:PORT");
  }
  auto endpoint = parse_endpoint(std::string_view(text).substr(separator + 3));
  if (!endpoint)
    return base::fail(ErrorCode::kInvalidArgument, key + ": " + endpoint.error().message);
  return NamedEndpoint{text.substr(0, separator), std::move(*endpoint)};
}

base::Status check_protocols(const Config& config) {
  const std::string key = "listener.security.protocol.map";
  for (const std::string& entry : config.get_list(key)) {
    const size_t colon = entry.find(':');
    if (colon != std::string::npos && entry.substr(colon + 1) == "PLAINTEXT") continue;
    return base::fail(ErrorCode::kInvalidArgument,
                      key + ": '" + entry + "' is not NAME:PLAINTEXT, the only protocol served");
  }
  return {};
}

base::Status advertise(std::vector<ListenerOptions>& listeners, const Config& config) {
  const std::string key = "advertised.listeners";
  for (const std::string& text : config.get_list(key)) {
    NamedEndpoint named = TRY(parse_named(key, text));
    const auto at = std::ranges::find(listeners, named.name, &ListenerOptions::name);
    if (at == listeners.end()) {
      return base::fail(ErrorCode::kInvalidArgument,
                        key + ": no listener is named '" + named.name + "'");
    }
    if (is_wildcard(named.endpoint.host)) {
      return base::fail(ErrorCode::kInvalidArgument,
                        key + ": '" + text + "' is a wildcard, which no client can connect to");
    }
    at->advertised = std::move(named.endpoint);
  }
  return {};
}

}  // namespace

base::Result<std::vector<ListenerOptions>> listener_options(const Config& config) {
  if (auto checked = check_protocols(config); !checked) {
    return std::unexpected(std::move(checked).error());
  }
  std::vector<ListenerOptions> listeners;
  for (const std::string& text : config.get_list("listeners")) {
    NamedEndpoint named = TRY(parse_named("listeners", text));
    if (std::ranges::find(listeners, named.name, &ListenerOptions::name) != listeners.end()) {
      return base::fail(ErrorCode::kInvalidArgument,
                        "listeners: two listeners are named '" + named.name + "'");
    }
    listeners.push_back(
        {.name = std::move(named.name),
         .bind = std::move(named.endpoint),
         .send_buffer_bytes = static_cast<int>(config.get_int("socket.send.buffer.bytes")),
         .receive_buffer_bytes = static_cast<int>(config.get_int("socket.receive.buffer.bytes"))});
  }
  if (listeners.empty()) return base::fail(ErrorCode::kInvalidArgument, "listeners: none is given");
  if (auto advertised = advertise(listeners, config); !advertised) {
    return std::unexpected(std::move(advertised).error());
  }
  return listeners;
}

base::Result<std::optional<ListenerOptions>> metrics_listener_options(const Config& config) {
  const std::string key = "thalweg.metrics.listen";
  if (config.get_string(key).empty()) return std::nullopt;
  auto endpoint = parse_endpoint(config.get_string(key));
  if (!endpoint) {
    return base::fail(ErrorCode::kInvalidArgument, key + ": " + endpoint.error().message);
  }
  return ListenerOptions{.name = "METRICS", .bind = std::move(*endpoint)};
}

ServerOptions server_options(const Config& config) {
  // A century is for ever, and does not overflow nanoseconds.
  constexpr int64_t kForEverMs = int64_t{100} * 365 * 24 * 3600 * 1000;
  ServerOptions options;
  options.connections_max = static_cast<size_t>(config.get_int("max.connections"));
  options.request_bytes_max = static_cast<size_t>(config.get_int("thalweg.request.memory.bytes"));
  options.response_bytes_max = static_cast<size_t>(config.get_int("thalweg.response.memory.bytes"));
  options.limits.request_bytes_max =
      static_cast<size_t>(config.get_int("socket.request.max.bytes"));
  options.limits.in_flight_bytes_max =
      static_cast<size_t>(config.get_int("queued.max.request.bytes"));
  options.limits.idle_max =
      std::chrono::milliseconds(std::min(config.get_int("connections.max.idle.ms"), kForEverMs));
  return options;
}

size_t core_count(const Config& config) {
  const auto wanted = static_cast<size_t>(config.get_int("num.network.threads"));
  return wanted != 0 ? wanted : std::max<size_t>(1, std::thread::hardware_concurrency());
}

int64_t log_retention_ms(const Config& config) {
  const auto in_ms = [&](const char* key, int64_t unit_ms) {
    const int64_t value = config.get_int(key);
    return value < 0 ? value : value * unit_ms;
  };
  if (!config.value("log.retention.ms").is_default) return config.get_int("log.retention.ms");
  if (!config.value("log.retention.minutes").is_default)
    return in_ms("log.retention.minutes", 60'000);
  return in_ms("log.retention.hours", 3'600'000);
}

base::Result<int32_t> node_id(const Config& config) {
  const auto node = static_cast<int32_t>(config.get_int("node.id"));
  const auto broker = static_cast<int32_t>(config.get_int("broker.id"));
  if (broker < 0 || broker == node) return node;
  if (config.value("node.id").is_default) return broker;
  return base::fail(ErrorCode::kInvalidArgument, "node.id is " + std::to_string(node) +
                                                     " and broker.id is " + std::to_string(broker) +
                                                     "; set one of them, or both alike");
}

}  // namespace thalweg::server
