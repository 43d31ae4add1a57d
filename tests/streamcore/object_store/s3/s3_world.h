// A store over a FakeS3, and a clock the test sets.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "streamcore/base/random.h"
#include "streamcore/object_store/s3/s3_object_store.h"
#include "tests/streamcore/base/poll_executor.h"
#include "tests/streamcore/object_store/s3/fake_s3.h"

namespace thalweg::object_store::s3 {

class SetClock final : public base::Clock {
 public:
  base::Timestamp wall_now() override { return now; }
  std::chrono::nanoseconds since_boot() override { return std::chrono::milliseconds(now); }
  base::Timestamp now = 1'700'000'000'000;
};

// Pauses too short to be waited for.
inline S3Limits quick_limits() {
  S3Limits limits;
  limits.stall_max = std::chrono::seconds(1);
  limits.call_time_max = std::chrono::seconds(20);
  limits.attempts_max = 4;
  limits.pause_min = limits.pause_max = std::chrono::milliseconds(2);
  limits.slow_down_pause_min = limits.slow_down_pause_max = std::chrono::milliseconds(4);
  return limits;
}

// Quick, and hedged after 30 ms.
inline S3Limits hedging_limits() {
  S3Limits limits = quick_limits();
  limits.hedges.patience_at_first = limits.hedges.patience_min = std::chrono::milliseconds(30);
  return limits;
}

class S3World {
 public:
  // Its server has a bucket called "bucket".
  S3Config config() const {
    S3Config config;
    config.bucket = "bucket";
    config.scheme = "http";
    config.host = server.url().substr(7);
    config.region = "us-east-1";
    config.path_style = true;
    config.credentials.fixed = Credentials{.access_key_id = "id",
                                           .secret_access_key = Secret("canary-secret"),
                                           .session_token = Secret("canary-token")};
    return config;
  }
  base::Result<std::unique_ptr<S3ObjectStore>> open(S3Config config,
                                                    S3Limits limits = quick_limits()) {
    return executor.run(S3ObjectStore::open({executor, executor, clock, random, &counts},
                                            std::move(config), limits));
  }
  base::Result<PutOutcome> put(S3ObjectStore& store, std::string key, std::string_view text) {
    return executor.run(store.put_if_absent(std::move(key), {base::as_bytes(text)}));
  }
  // The object's text, or "<error>".
  std::string get(S3ObjectStore& store, std::string key,
                  std::optional<ByteRange> range = std::nullopt) {
    const auto got = executor.run(store.get(std::move(key), range));
    if (!got) return std::string("<") + base::to_string(got.error().code) + ">";
    return std::string(base::as_chars(got->bytes));
  }

  base::PollExecutor executor;
  SetClock clock;
  base::SeededRandom random{5};
  RequestCounts counts;
  FakeS3 server{executor};
};

}  // namespace thalweg::object_store::s3
