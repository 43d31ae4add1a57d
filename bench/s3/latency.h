// Latency: how long an object store takes over a request, drawn from a lognormal distribution with
// the median and the 99th percentile of its storage class, from a seed.
//
// Figures: what is published of S3 (turbopuffer, slatedb, AWS), as integration/kit/s3proxy.py has
// them, too.
#pragma once

#include <chrono>
#include <cmath>
#include <cstdint>
#include <random>
#include <string_view>

namespace thalweg::s3_stub {

enum class StorageClass { kNone, kStandard, kExpress };

class Latency {
 public:
  Latency(StorageClass usual, uint64_t seed) : usual_(usual), random_(seed) {}

  // A bucket named as AWS names those of one zone is S3 Express One Zone.
  std::chrono::microseconds draw(std::string_view bucket, bool changes) {
    if (usual_ == StorageClass::kNone) return {};
    const bool express = usual_ == StorageClass::kExpress || bucket.ends_with("--x-s3");
    if (express) return changes ? lognormal(6, 15) : lognormal(4, 10);
    return changes ? lognormal(60, 195) : lognormal(40, 78);
  }

 private:
  std::chrono::microseconds lognormal(double median_ms, double p99_ms) {
    constexpr double kNormalP99 = 2.326;
    const double spread = std::log(p99_ms / median_ms) / kNormalP99;
    const double ms = median_ms * std::exp(spread * normal_(random_));
    return std::chrono::microseconds(static_cast<int64_t>(ms * 1000));
  }

  const StorageClass usual_;
  std::mt19937_64 random_;
  std::normal_distribution<double> normal_;
};

}  // namespace thalweg::s3_stub
