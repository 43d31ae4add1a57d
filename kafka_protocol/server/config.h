// Config: the effective value of every key, and where it came from. Later sources win: defaults,
// properties file, environment, --set and flags. Unknown keys and unfit values are refused by name.
//
// A value; filled by cli.cc before anything starts, constant after that.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "kafka_protocol/server/config_keys.h"
#include "streamcore/base/result.h"

namespace thalweg::server {

class Config {
 public:
  struct Value {
    std::string text;
    std::string source;  // "default", "FILE:LINE", "environment NAME", "--set", "--listen"
    bool is_default = true;
  };

  Config();  // every key at its default

  // kInvalidArgument names the key, the source and what is allowed. Spaces around the value are
  // dropped.
  base::Status set(std::string_view key, std::string_view value, std::string_view source);
  // Lines "key=value" or "key: value"; # and ! begin comments; a \ at the end continues a line.
  base::Status load_properties(std::string_view text, std::string_view file_name);
  // THALWEG_LOG_RETENTION_MS=1 sets log.retention.ms, THALWEG_DATA_DIR sets thalweg.data.dir.
  // Other THALWEG_ variables are refused, but for those by which container platforms describe a
  // service of that name.
  base::Status load_environment(const char* const* environment);

  // The key exists and has that type, or it is a bug.
  int64_t get_int(std::string_view key) const;
  bool get_bool(std::string_view key) const;
  const std::string& get_string(std::string_view key) const;
  std::vector<std::string> get_list(std::string_view key) const;
  const Value& value(std::string_view key) const;

  // Every key with its value, source and doc, as a properties file.
  std::string print() const;

 private:
  std::map<std::string_view, Value> values_;  // by the names in the table
};

}  // namespace thalweg::server
