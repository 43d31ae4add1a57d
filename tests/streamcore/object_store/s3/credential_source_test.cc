// Credentials from metadata services: fetched, shared, renewed in time.
#include "streamcore/object_store/s3/credential_source.h"

#include <gtest/gtest.h>

#include "streamcore/base/task_group.h"
#include "tests/streamcore/base/log_lines.h"
#include "tests/streamcore/object_store/s3/s3_world.h"

namespace thalweg::object_store::s3 {
namespace {

std::string answer(int number, base::Timestamp expires_at) {
  const std::string time = amz_time(expires_at);  // 20150830T123600Z
  const std::string expiration = time.substr(0, 4) + "-" + time.substr(4, 2) + "-" +
                                 time.substr(6, 5) + ":" + time.substr(11, 2) + ":" +
                                 time.substr(13);
  return R"({"AccessKeyId":"id)" + std::to_string(number) +
         R"(","SecretAccessKey":"canary","Token":"canary","Expiration":")" + expiration + "\"}";
}

class CredentialSourceTest : public testing::Test {
 protected:
  CredentialSourceTest() {
    http_ = std::move(*HttpClient::make(world_.executor, world_.executor, {}));
    world_.server.handle([this](const FakeRequest& request) { return serve(request); });
  }
  FakeReply serve(const FakeRequest& request) {
    if (down_) return {.status = 500, .headers = {}, .body = {}};
    if (request.method == "PUT") return {.status = 200, .headers = {}, .body = "session"};
    EXPECT_EQ(request.header("x-aws-ec2-metadata-token"), "session");
    if (request.path.ends_with("/security-credentials/")) {
      return {.status = 200, .headers = {}, .body = "role\n"};
    }
    EXPECT_EQ(request.path, "/latest/meta-data/iam/security-credentials/role");
    return {.status = 200, .headers = {}, .body = answer(++fetched_, clock_.now + kLifeMs)};
  }
  CredentialSource source() {
    CredentialsConfig config;
    config.metadata_url = world_.server.url();
    config.searched = "everywhere";
    return {world_.executor, clock_, *http_, config};
  }
  std::string id(CredentialSource& source) {
    const auto got = world_.executor.run(source.get());
    return got ? got->access_key_id : got.error().message;
  }

  static constexpr base::Timestamp kLifeMs = 3600'000;
  S3World world_;
  SetClock& clock_ = world_.clock;
  std::unique_ptr<HttpClient> http_;
  int fetched_ = 0;
  bool down_ = false;
};

TEST_F(CredentialSourceTest, InstanceCredentialsAreRenewedBeforeTheyEnd) {
  CredentialSource credentials = source();
  EXPECT_EQ(id(credentials), "id1");
  clock_.now += kLifeMs - kRefreshAheadMs - 1000;
  EXPECT_EQ(id(credentials), "id1");
  clock_.now += 1000;
  EXPECT_EQ(id(credentials), "id2");
  EXPECT_EQ(fetched_, 2);
}

TEST_F(CredentialSourceTest, OldOnesServeUntilTheirEndWhileTheServiceFails) {
  CredentialSource credentials = source();
  EXPECT_EQ(id(credentials), "id1");
  down_ = true;
  clock_.now += kLifeMs - 1000;
  EXPECT_EQ(id(credentials), "id1");
  EXPECT_EQ(base::take_log_lines(base::LogLevel::kWarn, "cannot be refreshed"), 1);
  clock_.now += 1000;
  EXPECT_EQ(id(credentials), "no credentials; looked for everywhere");
  EXPECT_EQ(base::count_log_lines("canary"), 0);
}

TEST_F(CredentialSourceTest, RefusedOnesAreFetchedAgain) {
  CredentialSource credentials = source();
  EXPECT_EQ(id(credentials), "id1");
  credentials.expired();
  EXPECT_EQ(id(credentials), "id2");
}

base::Task<void> take(CredentialSource& source, int* good) {
  *good += (co_await source.get()).has_value() ? 1 : 0;
}

TEST_F(CredentialSourceTest, ConcurrentCallersShareOneFetch) {
  CredentialSource credentials = source();
  base::TaskGroup group(world_.executor);
  int good = 0;
  for (int i = 0; i < 10; ++i) group.spawn(take(credentials, &good));
  world_.executor.run(base::as_value(group.stop_and_join()));
  EXPECT_EQ(good, 10);
  EXPECT_EQ(fetched_, 1);
}

TEST_F(CredentialSourceTest, ContainerIsAskedWithItsToken) {
  world_.server.handle([](const FakeRequest& request) {
    EXPECT_EQ(request.header("authorization"), "pass");
    return FakeReply{
        .status = 200, .headers = {}, .body = R"({"AccessKeyId":"task","SecretAccessKey":"s"})"};
  });
  CredentialsConfig config;
  config.container_url = world_.server.url() + "/v2/credentials/x";
  config.container_token = Secret("pass");
  CredentialSource credentials(world_.executor, clock_, *http_, config);
  EXPECT_EQ(id(credentials), "task");
}

TEST_F(CredentialSourceTest, StoreGoesOnWithNewOnesAfterTheServerRefusesTheOld) {
  S3Config config = world_.config();
  config.credentials = {};
  config.credentials.metadata_url = world_.server.url();
  std::vector<std::string> used;
  world_.server.handle([&](const FakeRequest& request) {
    const std::string signed_by = request.header("authorization");
    if (!signed_by.starts_with("AWS4")) return serve(request);
    used.push_back(signed_by.substr(signed_by.find("id"), 3));
    if (used.size() == 2) {
      return FakeReply{
          .status = 400, .headers = {}, .body = "<Error><Code>ExpiredToken</Code></Error>"};
    }
    return FakeReply{.status = 200, .headers = {}, .body = "<IsTruncated>false</IsTruncated>"};
  });
  const auto store = world_.open(config);
  ASSERT_TRUE(store.has_value()) << store.error().message;
  EXPECT_TRUE(world_.executor.run((*store)->list("", "")).has_value());
  EXPECT_EQ(used, (std::vector<std::string>{"id1", "id1", "id2"}));
}

}  // namespace
}  // namespace thalweg::object_store::s3
