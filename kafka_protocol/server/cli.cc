#include "kafka_protocol/server/cli.h"

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <sstream>
#include <utility>

#include "kafka_protocol/server/endpoint.h"
#include "streamcore/base/log.h"

namespace thalweg::server {

namespace {

struct Options {
  std::string data;
  std::string store;
  std::vector<std::string> chunks;
  std::string listen;
  std::string config_file;
  std::vector<std::string> sets;
  std::string url;
};

void add_config_options(CLI::App& command, Options& options) {
  command.add_option("--data", options.data, "Directory for everything stored (thalweg.data.dir)");
  command.add_option("--store", options.store,
                     "s3://BUCKET/PREFIX for segments and metadata, and without --data for "
                     "everything (thalweg.store)");
  command
      .add_option("--chunks", options.chunks,
                  "Object store for the log; once, or three times (thalweg.chunks)")
      ->take_all()
      ->expected(1);
  command.add_option("--listen", options.listen,
                     "HOST:PORT to listen on; :PORT = every address (listeners)");
  command.add_option("--config", options.config_file, "Properties file with Kafka's key names");
  command
      .add_option("--set", options.sets, "key=value; repeatable; wins over file and environment")
      ->take_all()
      ->expected(1);
}

base::Status load_file(Config& config, const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    return base::fail(base::ErrorCode::kNotFound, "cannot read the configuration file " + name);
  }
  return config.load_properties(text.view(), name);
}

base::Status apply_set(Config& config, const std::string& text) {
  const size_t separator = text.find('=');
  if (separator == std::string::npos) {
    return base::fail(base::ErrorCode::kInvalidArgument, "--set: '" + text + "' is not key=value");
  }
  return config.set(text.substr(0, separator), text.substr(separator + 1), "--set");
}

base::Status apply_flags(Config& config, const Options& options) {
  if (!options.data.empty()) {
    if (auto set = config.set("thalweg.data.dir", options.data, "--data"); !set) return set;
  }
  if (!options.store.empty()) {
    if (auto set = config.set("thalweg.store", options.store, "--store"); !set) return set;
  }
  if (!options.chunks.empty()) {
    std::string urls;
    for (const std::string& url : options.chunks) urls += (urls.empty() ? "" : ",") + url;
    if (auto set = config.set("thalweg.chunks", urls, "--chunks"); !set) return set;
  }
  if (options.listen.empty()) return {};
  if (auto endpoint = parse_endpoint(options.listen); !endpoint) {
    return base::fail(base::ErrorCode::kInvalidArgument, "--listen: " + endpoint.error().message);
  }
  return config.set("listeners", "PLAINTEXT://" + options.listen, "--listen");
}

base::Result<Config> load(const Options& options, const char* const* environment) {
  Config config;
  base::Status status = {};
  if (!options.config_file.empty()) status = load_file(config, options.config_file);
  if (!status) return std::unexpected(std::move(status).error());
  status = config.load_environment(environment);
  if (!status) return std::unexpected(std::move(status).error());
  for (const std::string& text : options.sets) {
    if (auto set = apply_set(config, text); !set) return std::unexpected(std::move(set).error());
  }
  status = apply_flags(config, options);
  if (!status) return std::unexpected(std::move(status).error());
  return config;
}

}  // namespace

std::optional<Invocation> parse_command_line(int argc, const char* const* argv,
                                             const char* const* environment, std::ostream& out,
                                             std::ostream& err, int& exit_code) {
  CLI::App app("Thalweg: a Kafka-compatible broker whose disk is an object store", "thalweg");
  app.require_subcommand(1);
  Options options;
  CLI::App* serve = app.add_subcommand("serve", "Run the broker");
  CLI::App* config_command = app.add_subcommand("config", "Show the configuration");
  config_command->require_subcommand(1);
  CLI::App* print =
      config_command->add_subcommand("print", "Every key, its value, source and meaning");
  CLI::App* store = app.add_subcommand("store", "Work on a bucket");
  store->require_subcommand(1);
  CLI::App* check =
      store->add_subcommand("check", "Try out whether a bucket keeps what a broker must rely on");
  check->add_option("URL", options.store, "s3://BUCKET/PREFIX?endpoint=...")->required();
  CLI::App* replace =
      store->add_subcommand("replace", "Make an emptied store of the log a new one in its place");
  replace->add_option("URL", options.url, "The one of --chunks that was emptied")->required();
  CLI::App* version = app.add_subcommand("version", "Print the version");
  add_config_options(*serve, options);
  add_config_options(*print, options);
  add_config_options(*replace, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error, out, err) == 0 ? kExitDone : kExitMisuse;
    return std::nullopt;
  }
  exit_code = kExitDone;
  if (version->parsed()) {
    out << "thalweg " << kVersion << "\n";
    return std::nullopt;
  }
  base::Result<Config> config = load(options, environment);
  if (!config) {
    err << "thalweg: " << config.error().message << "\n";
    exit_code = kExitMisuse;
    return std::nullopt;
  }
  if (print->parsed()) {
    out << config->print();
    return std::nullopt;
  }
  const Command command = check->parsed()     ? Command::kCheckStore
                          : replace->parsed() ? Command::kReplaceStore
                                              : Command::kServe;
  return Invocation{command, std::move(*config), options.url};
}

}  // namespace thalweg::server
