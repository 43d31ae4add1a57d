#include "streamcore/object_store/s3/server_clock.h"

#include <curl/curl.h>

#include <cstdlib>

#include "streamcore/object_store/s3/sigv4.h"

namespace thalweg::object_store::s3 {

bool ServerClock::note(const HttpResponse& response, base::Timestamp now) {
  const std::string date(response.header("date"));
  if (date.empty()) return false;
  const time_t seconds = curl_getdate(date.c_str(), nullptr);
  if (seconds < 0) return false;
  ahead_ms_ = int64_t{seconds} * 1000 - now;
  const bool refused = response.status == 403 || response.status == 400;
  if (!refused || std::abs(*ahead_ms_ - correction_ms_) < kClockTrustedMs) return false;
  correction_ms_ = *ahead_ms_;
  return true;
}

std::string describe_skew(int64_t ahead_ms, base::Timestamp now) {
  return "this machine's clock is " + std::to_string(std::abs(ahead_ms) / 1000) + " s " +
         (ahead_ms > 0 ? "behind" : "ahead of") + " that of the server: here it is " +
         amz_time(now) + ", there " + amz_time(now + ahead_ms);
}

}  // namespace thalweg::object_store::s3
