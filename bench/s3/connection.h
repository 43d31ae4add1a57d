// serve: one client's connection, request after request, each answered after the time its bucket
// takes.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "bench/s3/body.h"
#include "bench/s3/buckets.h"
#include "bench/s3/latency.h"

namespace thalweg::s3_stub {

struct Stub {
  BlockPool& pool;
  Buckets& buckets;
  Latency& latency;
};

// Until the client goes, or sends what is no request. `stub` outlives it.
boost::asio::awaitable<void> serve(boost::asio::ip::tcp::socket socket, Stub stub);

}  // namespace thalweg::s3_stub
