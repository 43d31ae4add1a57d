// S3Client: one request to a bucket, signed, with a deadline, tried again within a budget.
//
// What may be tried again: no answer, an answer that broke off, 409, 429, 5xx, and credentials that
// expired under way. A request and its repetitions are the same bytes. Repetitions wait with full
// jitter, longer when the server asks to slow down. What is not answered in time is sent again
// beside itself (hedged_sender.h); both come out of one budget (request_budget.h).
//
// Lives on one executor; owned by S3ObjectStore.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "streamcore/base/clock.h"
#include "streamcore/base/executor.h"
#include "streamcore/base/fd_poller.h"
#include "streamcore/base/random.h"
#include "streamcore/base/result.h"
#include "streamcore/base/task.h"
#include "streamcore/base/task_group.h"
#include "streamcore/object_store/s3/credential_source.h"
#include "streamcore/object_store/s3/hedged_sender.h"
#include "streamcore/object_store/s3/http_client.h"
#include "streamcore/object_store/s3/request_budget.h"
#include "streamcore/object_store/s3/s3_config.h"
#include "streamcore/object_store/s3/server_clock.h"
#include "streamcore/object_store/s3/sigv4.h"

namespace thalweg::object_store::s3 {

// What a client stands on; all of it outlives the client.
struct S3Parts {
  base::Executor& executor;
  base::FdPoller& poller;
  base::Clock& clock;
  base::Random& random;
  RequestCounts* counts = nullptr;  // where requests are counted, if anywhere
};

struct S3Limits {
  HttpClientOptions http;  // but for the CA, which is the config's
  // An attempt ends when nothing moves for so long, whole seconds.
  base::Duration stall_max = std::chrono::seconds(5);
  // A call, with all its attempts, plus the time its bytes take at `bytes_per_second_min`.
  base::Duration call_time_max = std::chrono::seconds(30);
  uint64_t bytes_per_second_min = 1 << 20;
  int attempts_max = 8;
  base::Duration pause_min = std::chrono::milliseconds(50);  // doubled with each attempt
  base::Duration pause_max = std::chrono::seconds(2);
  // When the server says that it is asked too much. The first is short, for one request in ten may
  // hear so on a bad day, and everything behind it waits; the longest, so that work goes on soon
  // after.
  base::Duration slow_down_pause_min = std::chrono::milliseconds(100);
  base::Duration slow_down_pause_max = std::chrono::seconds(4);
  HedgeLimits hedges;
};

inline constexpr uint64_t kErrorBytesMax = 64 << 10;  // of the document that explains a refusal

struct S3Request {
  std::string method;
  std::string key;   // with the prefix; empty = of the bucket itself
  std::string area;  // what it is counted under: a key without the prefix, or its beginning
  Query query;
  Headers headers;
  base::Parts body;
  uint64_t answer_bytes_max = kErrorBytesMax;
};

class S3Client {
 public:
  static base::Result<std::unique_ptr<S3Client>> make(S3Parts parts, S3Config config,
                                                      S3Limits limits);

  // The answer if it is 2xx or 404, 412, 416 of a key. kUnavailable says in words what came
  // instead: the server refused, or did not answer in time, and may have done it all the same.
  // kCorrupt: the body is not what its CRC says, and nothing was done.
  base::Task<base::Result<HttpResponse>> call(S3Request request);

  // From now on nothing is begun or repeated: calls end with kUnavailable, those under way after
  // the attempt they are in.
  void stop() { pauses_.request_stop(); }

  const S3Config& config() const { return config_; }
  // How far the server's clock is ahead of this machine's, if it told.
  std::optional<int64_t> server_ahead_ms() const { return server_clock_.ahead_ms(); }

 private:
  S3Client(S3Parts parts, S3Config config, S3Limits limits)
      : parts_(parts),
        config_(std::move(config)),
        limits_(limits),
        counts_(parts.counts == nullptr ? own_counts_ : *parts.counts),
        pauses_(parts.executor) {}

  base::Task<base::Result<HttpResponse>> repeat(const S3Request& request);
  HttpRequest signed_request(const S3Request& request, const Credentials& credentials);
  base::Duration time_for(const S3Request& request) const;
  base::Duration pause(int attempt, bool slow_down);
  bool told_the_time(const base::Result<HttpResponse>& outcome);
  void note_outcome(const base::Result<HttpResponse>& outcome);

  const S3Parts parts_;
  const S3Config config_;
  const S3Limits limits_;
  std::unique_ptr<HttpClient> http_;
  std::unique_ptr<CredentialSource> credentials_;
  RequestCounts own_counts_;
  RequestCounts& counts_;
  ServerClock server_clock_;
  RequestBudget budget_;
  std::unique_ptr<HedgedSender> sender_;
  bool failing_ = false;  // so the log was told
  base::TaskGroup pauses_;
};

}  // namespace thalweg::object_store::s3
