#include "kafka_protocol/server/config.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <utility>

#include "streamcore/base/check.h"

namespace thalweg::server {

namespace {

constexpr std::string_view kEnvironmentPrefix = "THALWEG_";

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\n\f";
  const size_t first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    if (const auto part = trim(text.substr(0, comma)); !part.empty()) parts.emplace_back(part);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

std::optional<int64_t> parse_int(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_choice(std::string_view choices, std::string_view text) {
  const auto all = split(choices);
  return std::ranges::find(all, text) != all.end();
}

// What the key accepts, if `text` is not it.
std::optional<std::string> refusal(const ConfigKey& key, std::string_view text) {
  switch (key.type) {
    case KeyType::kBool:
      if (text == "true" || text == "false") return std::nullopt;
      return "allowed are true and false";
    case KeyType::kInt: {
      const auto value = parse_int(text);
      if (value && *value >= key.min && *value <= key.max) return std::nullopt;
      return "allowed are whole numbers from " + std::to_string(key.min) + " to " +
             std::to_string(key.max);
    }
    case KeyType::kString:
      if (key.choices.empty() || is_choice(key.choices, text)) return std::nullopt;
      if (text.empty() && key.default_value.empty()) return std::nullopt;  // as if not set
      return "allowed is one of " + std::string(key.choices);
    case KeyType::kList:
      if (key.choices.empty()) return std::nullopt;
      if (text.empty()) return "allowed is a list of " + std::string(key.choices);
      for (const std::string& part : split(text)) {
        if (!is_choice(key.choices, part))
          return "allowed is a list of " + std::string(key.choices);
      }
      return std::nullopt;
  }
  return std::nullopt;
}

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
    }
  }
  return row[b.size()];
}

std::string_view nearest_key(std::string_view name) {
  return std::ranges::min_element(
             config_keys(), {}, [&](const ConfigKey& key) { return edit_distance(key.name, name); })
      ->name;
}

// "LOG_RETENTION_MS" -> the key "log.retention.ms" or "thalweg.log.retention.ms".
const ConfigKey* key_of_variable(std::string_view variable) {
  std::string name(variable);
  for (char& c : name)
    c = c == '_' ? '.' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const ConfigKey* key = find_config_key(name);
  return key != nullptr ? key : find_config_key("thalweg." + name);
}

// Kubernetes and Docker describe a service called "thalweg" so, in the environment of every
// container beside it: THALWEG_SERVICE_HOST, THALWEG_SERVICE_PORT_KAFKA, THALWEG_PORT,
// THALWEG_PORT_9092_TCP_ADDR.
bool names_a_service(std::string_view variable) {
  return variable.find("_SERVICE_") != std::string_view::npos || variable.ends_with("_PORT") ||
         variable.find("_PORT_") != std::string_view::npos;
}

}  // namespace

Config::Config() {
  for (const ConfigKey& key : config_keys()) {
    values_[key.name] = {.text = std::string(key.default_value), .source = "default"};
  }
}

base::Status Config::set(std::string_view key, std::string_view value, std::string_view source) {
  const auto fail = [&](const std::string& why) {
    return base::fail(base::ErrorCode::kInvalidArgument, std::string(source) + ": " + why);
  };
  const ConfigKey* row = find_config_key(key);
  if (row == nullptr) {
    return fail("unknown key '" + std::string(key) + "'; did you mean '" +
                std::string(nearest_key(key)) + "'? `thalweg config print` lists every key");
  }
  value = trim(value);
  if (const auto why = refusal(*row, value)) {
    return fail(std::string(key) + " cannot be '" + std::string(value) + "'; " + *why);
  }
  values_[row->name] = {
      .text = std::string(value), .source = std::string(source), .is_default = false};
  return {};
}

base::Status Config::load_properties(std::string_view text, std::string_view file_name) {
  std::string logical;
  for (int line_number = 1; !text.empty(); ++line_number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (logical.empty() && (line.empty() || line[0] == '#' || line[0] == '!')) continue;
    const bool continues = line.ends_with('\\') && !text.empty();
    if (line.ends_with('\\')) line.remove_suffix(1);
    logical += line;
    if (continues) continue;
    const std::string source = std::string(file_name) + ":" + std::to_string(line_number);
    const size_t separator = logical.find_first_of("=:");
    if (separator == std::string::npos) {
      return base::fail(base::ErrorCode::kInvalidArgument,
                        source + ": '" + logical + "' is not key=value");
    }
    const std::string_view whole = logical;
    if (auto done = set(trim(whole.substr(0, separator)), whole.substr(separator + 1), source);
        !done)
      return std::unexpected(std::move(done).error());
    logical.clear();
  }
  return {};
}

base::Status Config::load_environment(const char* const* environment) {
  for (; *environment != nullptr; ++environment) {
    const std::string_view variable = *environment;
    if (!variable.starts_with(kEnvironmentPrefix)) continue;
    const size_t separator = std::min(variable.find('='), variable.size());
    const std::string name(variable.substr(0, separator));
    const ConfigKey* key =
        key_of_variable(std::string_view(name).substr(kEnvironmentPrefix.size()));
    if (key == nullptr) {
      if (names_a_service(name)) continue;
      return base::fail(
          base::ErrorCode::kInvalidArgument,
          "environment: " + name + " names no key; `thalweg config print` lists every key");
    }
    if (auto done = set(key->name, variable.substr(std::min(separator + 1, variable.size())),
                        "environment " + name);
        !done)
      return std::unexpected(std::move(done).error());
  }
  return {};
}

const Config::Value& Config::value(std::string_view key) const {
  const auto at = values_.find(key);
  CHECK_MSG(at != values_.end(), std::string(key));
  return at->second;
}

int64_t Config::get_int(std::string_view key) const {
  const auto parsed = parse_int(value(key).text);
  CHECK_MSG(parsed.has_value(), std::string(key));
  return *parsed;
}

bool Config::get_bool(std::string_view key) const {
  const std::string& text = value(key).text;
  CHECK_MSG(text == "true" || text == "false", std::string(key));
  return text == "true";
}

const std::string& Config::get_string(std::string_view key) const { return value(key).text; }

std::vector<std::string> Config::get_list(std::string_view key) const {
  return split(value(key).text);
}

std::string Config::print() const {
  std::string out;
  for (const ConfigKey& key : config_keys()) {
    const Value& value = values_.at(key.name);
    out += "# " + std::string(key.doc) + "\n";
    if (const auto allowed = refusal(key, "\n"); allowed) out += "# " + *allowed + ".\n";
    out += "# from: " + value.source;
    if (!value.is_default) out += " (default: " + std::string(key.default_value) + ")";
    out += "\n" + std::string(key.name) + "=" + value.text + "\n\n";
  }
  return out;
}

}  // namespace thalweg::server
