// StorePlace: the object store that a URL names, and how it is opened.
//
//   file:///DIRECTORY       a directory of this machine
//   s3://BUCKET/PREFIX?...  a bucket (object_store/s3/s3_config.h)
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "streamcore/base/clock.h"
#include "streamcore/base/executor.h"
#include "streamcore/base/fd_poller.h"
#include "streamcore/base/file_system.h"
#include "streamcore/base/random.h"
#include "streamcore/object_store/object_store.h"
#include "streamcore/object_store/request_counts.h"
#include "streamcore/object_store/s3/s3_object_store.h"

namespace thalweg::storage {

struct StorePlace {
  std::string directory;  // absolute; empty = a bucket
  std::optional<object_store::s3::S3Config> bucket;

  // Without what is secret or may change.
  std::string name() const { return bucket ? bucket->name() : "file://" + directory; }
};

// Whether both are called the same; one store may have several names.
bool is_same_place(const StorePlace& one, const StorePlace& other);

// kInvalidArgument.
base::Result<StorePlace> parse_store_url(std::string_view url);

struct OpenStore {
  std::unique_ptr<base::FileSystem> files;  // below a directory's store
  std::unique_ptr<object_store::ObjectStore> objects;
};

// Everything outlives the store.
struct StoreWorld {
  base::Executor& executor;
  base::FdPoller& poller;
  base::Clock& clock;
  base::Random& random;
  object_store::RequestMeters* meters = nullptr;  // of buckets
};

// kUnavailable: it does not answer as it should, or its clock and this machine's do not agree.
base::Task<base::Result<std::unique_ptr<object_store::s3::S3ObjectStore>>> open_bucket(
    StoreWorld world, object_store::s3::S3Config config);
// Whether the clocks of a bucket's server and of this machine agree: beyond a minute a warning,
// beyond 15 minutes kUnavailable, until one of them is set right.
struct ClockCheck {
  base::Status outcome;
  std::string warning;
};
ClockCheck check_clock(const object_store::s3::S3ObjectStore& store, base::Clock& clock);

base::Task<base::Result<OpenStore>> open_store(StoreWorld world, StorePlace place);
// The same, but a bucket that does not answer is opened once it does.
base::Task<base::Result<OpenStore>> open_store_or_defer(StoreWorld world, StorePlace place);
// Whether it keeps what must be relied on; the error names it.
base::Task<base::Status> try_out_store(StoreWorld world, object_store::ObjectStore& objects,
                                       std::string name);

}  // namespace thalweg::storage
