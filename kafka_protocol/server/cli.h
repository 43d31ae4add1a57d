// The command line: what to do, with which configuration.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "kafka_protocol/server/config.h"

namespace thalweg::server {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;  // what was asked for could not be done
inline constexpr int kExitMisuse = 2;  // a wrong command line or configuration; nothing was tried
inline constexpr const char* kVersion = "0.1.0";

enum class Command { kServe, kCheckStore, kReplaceStore };

struct Invocation {
  Command command = Command::kServe;
  Config config;
  std::string url;  // of kReplaceStore
};

// Reads the command line and all sources of configuration. Other commands than those of Command
// were carried out, or refused with a message, on `out` and `err`, and `exit_code` says how.
std::optional<Invocation> parse_command_line(int argc, const char* const* argv,
                                             const char* const* environment, std::ostream& out,
                                             std::ostream& err, int& exit_code);

}  // namespace thalweg::server
