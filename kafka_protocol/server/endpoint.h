// Endpoint: a host and a port, as people write them and as the kernel reports them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "streamcore/base/result.h"

struct sockaddr_storage;

namespace thalweg::server {

struct Endpoint {
  // A name or an address, without the brackets of IPv6; empty = every address (wildcard).
  std::string host;
  uint16_t port = 0;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// "host:port", "[::1]:port" or ":port". kInvalidArgument says what is wrong.
base::Result<Endpoint> parse_endpoint(std::string_view text);
// The inverse: an IPv6 address gets its brackets.
std::string to_string(const Endpoint& endpoint);
// True for "", "0.0.0.0" and "::".
bool is_wildcard(std::string_view host);
// An IPv4 address mapped into IPv6 comes out as the IPv4 address it is.
Endpoint endpoint_of(const sockaddr_storage& address);

}  // namespace thalweg::server
