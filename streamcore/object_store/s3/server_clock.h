// ServerClock: what time it is for a server, which refuses what is signed 15 minutes before or
// after its own time, and how far this machine's clock is from it. Pure.
//
// A clock that is wrong, or jumps while a process runs, must not end its requests: they are signed
// by the server's time from then on, as AWS's SDKs do it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "streamcore/base/clock.h"
#include "streamcore/object_store/s3/http_message.h"

namespace thalweg::object_store::s3 {

// Beyond this a refused request may have been refused for its time.
inline constexpr int64_t kClockTrustedMs = 5 * 60'000;
inline constexpr int64_t kClockSkewNotedMs = 60'000;
// SigV4's own limit, and enough to be wrong about when records are to be deleted.
inline constexpr int64_t kClockSkewMaxMs = 15 * 60'000;

class ServerClock {
 public:
  // An answer came, at `now` by this machine. True if it refuses what another time may grant: then
  // now_for() has been set to the server's clock.
  bool note(const HttpResponse& response, base::Timestamp now);
  // What to sign with when this machine says `now`.
  base::Timestamp now_for(base::Timestamp now) const { return now + correction_ms_; }
  // How far the server is ahead; nothing until it told.
  std::optional<int64_t> ahead_ms() const { return ahead_ms_; }

 private:
  std::optional<int64_t> ahead_ms_;
  int64_t correction_ms_ = 0;
};

// "this machine's clock is 75 s behind that of the server: ...", with both.
std::string describe_skew(int64_t ahead_ms, base::Timestamp now);

}  // namespace thalweg::object_store::s3
