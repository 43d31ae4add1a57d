// The contract of every ObjectStore, against the real S3 server that THALWEG_S3_ENDPOINT names
// (http://HOST:PORT), with the credentials of the environment and a new bucket for each test. A
// program of its own: integration/test_s3.py starts the servers and runs it.
#include <unistd.h>

#include <cstdlib>

#include "streamcore/object_store/s3/s3_object_store.h"
#include "tests/streamcore/base/poll_executor.h"
#include "tests/streamcore/object_store/object_store_contract.h"

namespace thalweg::object_store::s3 {
namespace {

class ServerBackend final : public ObjectStoreBackend {
 public:
  ServerBackend() {
    static int buckets = 0;
    const char* endpoint = std::getenv("THALWEG_S3_ENDPOINT");
    CHECK_MSG(endpoint != nullptr, "THALWEG_S3_ENDPOINT is not set");
    const std::string url = "s3://contract-" + std::to_string(::getpid()) + "-" +
                            std::to_string(++buckets) + "?endpoint=" + endpoint;
    const S3Config config = parse_s3_url(url, process_environment).value();
    const S3Parts parts{executor_, executor_, clock_, random_};
    const auto client = S3Client::make(parts, config, {}).value_or(nullptr);
    S3Request create;
    create.method = "PUT";
    const auto created = run(client->call(create));
    CHECK_MSG(created.has_value(), created ? "" : created.error().message);
    store_ = std::move(*run(S3ObjectStore::open(parts, config, {})));
  }
  ObjectStore& store() override { return *store_; }
  base::Executor& executor() override { return executor_; }
  void step() override { executor_.run_one(); }

 private:
  base::PollExecutor executor_;
  base::SystemClock clock_;
  base::SystemRandom random_;
  std::unique_ptr<S3ObjectStore> store_;
};

INSTANTIATE_TEST_SUITE_P(RealServer, ObjectStoreContract,
                         testing::Values(BackendFactory{
                             "S3", [] { return std::make_unique<ServerBackend>(); }}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace thalweg::object_store::s3
