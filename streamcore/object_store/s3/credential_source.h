// CredentialSource: the credentials of now. Those that expire are fetched from the container's or
// the instance's metadata service and again some minutes before their end.
//
// Lives on one executor; owned by S3Client. Concurrent callers share one fetch.
#pragma once

#include <optional>
#include <string>

#include "streamcore/base/clock.h"
#include "streamcore/base/executor.h"
#include "streamcore/base/result.h"
#include "streamcore/base/sync.h"
#include "streamcore/base/task.h"
#include "streamcore/object_store/s3/credentials.h"
#include "streamcore/object_store/s3/http_client.h"
#include "streamcore/object_store/s3/s3_config.h"

namespace thalweg::object_store::s3 {

inline constexpr base::Timestamp kRefreshAheadMs = 5 * 60'000;
// Of the answer of a metadata service.
inline constexpr uint64_t kCredentialsBytesMax = 64 << 10;

class CredentialSource {
 public:
  CredentialSource(base::Executor& executor, base::Clock& clock, HttpClient& http,
                   CredentialsConfig config);

  // Those held while they last, even if newer ones cannot be fetched. kUnavailable: there are none.
  base::Task<base::Result<Credentials>> get();
  // The server says that they have expired: fetch others next time, if they are of that kind.
  void expired();

 private:
  base::Task<base::Result<Credentials>> refresh();
  base::Task<base::Result<Credentials>> fetch();
  base::Task<base::Result<Credentials>> from_container();
  base::Task<base::Result<Credentials>> from_instance();
  base::Task<base::Result<std::string>> ask(HttpRequest request);
  bool last_for(base::Timestamp ms) const;

  base::Executor& executor_;
  base::Clock& clock_;
  HttpClient& http_;
  const CredentialsConfig config_;
  std::optional<Credentials> current_;
  bool refreshing_ = false;
  base::TimePoint next_refresh_;  // after one that failed
  base::Notifier refreshed_;
};

// The answer of a metadata service, JSON. kUnavailable: something is missing in it.
base::Result<Credentials> parse_metadata_credentials(std::string_view json);

}  // namespace thalweg::object_store::s3
