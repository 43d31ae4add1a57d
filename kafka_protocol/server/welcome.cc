#include "kafka_protocol/server/welcome.h"

#include "kafka_protocol/server/cli.h"

namespace thalweg::server {

namespace {

std::string advertised_text(const Listener& listener) {
  const ListenerOptions& options = listener.options();
  if (options.advertised) {
    const Endpoint& advertised = *options.advertised;
    return to_string({advertised.host, advertised.port == 0 ? listener.port() : advertised.port});
  }
  if (is_wildcard(options.bind.host)) {
    return "to each client the address it reached; set advertised.listeners to change that";
  }
  return to_string({options.bind.host, listener.port()});
}

// What a client on this machine can use.
std::string bootstrap(const Listener& listener) {
  const std::string& host = listener.options().bind.host;
  return to_string({is_wildcard(host) ? "localhost" : host, listener.port()});
}

void pad(std::string& text, size_t width) {
  text.append(width > text.size() ? width - text.size() : 1, ' ');
}

}  // namespace

std::string welcome(const std::vector<std::unique_ptr<Listener>>& listeners,
                    const std::string& data_dir) {
  constexpr size_t kNameWidth = 14;
  constexpr size_t kAddressWidth = 42;
  std::string out = std::string("thalweg ") + kVersion + ", data in " + data_dir + "\n\n";
  for (const auto& listener : listeners) {
    for (const Endpoint& address : listener->addresses()) {
      std::string line = "  " + listener->options().name;
      pad(line, kNameWidth);
      line += "listens on " + to_string(address);
      pad(line, kAddressWidth);
      out += line + "advertises " + advertised_text(*listener) + "\n";
    }
  }
  const std::string at = bootstrap(*listeners.front());
  return out + "\nTry:\n" + "  echo hello | kcat -b " + at + " -t greetings -P\n" + "  kcat -b " +
         at + " -t greetings -C -e -q\n" + "  kcat -b " + at + " -L\n" +
         "  kafka-console-consumer.sh --bootstrap-server " + at +
         " --topic greetings --from-beginning\n";
}

}  // namespace thalweg::server
