// What a wrong clock costs: a request, and a line in the log.
#include <gtest/gtest.h>

#include "tests/streamcore/base/log_lines.h"
#include "tests/streamcore/object_store/s3/s3_world.h"

namespace thalweg::object_store::s3 {
namespace {

constexpr char kServersTime[] = "Tue, 14 Nov 2023 23:13:20 GMT";  // an hour after the client's
constexpr char kList[] = "<L><IsTruncated>false</IsTruncated></L>";

// Refuses what is not signed at its own time.
FakeReply strict(const FakeRequest& request) {
  FakeReply reply{.status = 200, .headers = {{"date", kServersTime}}, .body = kList};
  if (request.header("x-amz-date").starts_with("20231114T2313")) return reply;
  reply.status = 403;
  reply.body = request.method == "HEAD" ? "" : "<Error><Code>RequestTimeTooSkewed</Code></Error>";
  return reply;
}

TEST(S3Clock, ARefusedRequestIsSignedAgainByTheServersTime) {
  S3World world;
  world.server.handle(strict);
  auto opened = world.open(world.config());
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  EXPECT_EQ(world.server.requests().size(), 2u);
  EXPECT_EQ((*opened)->server_ahead_ms(), 3'600'000);
  EXPECT_EQ(base::take_log_lines(base::LogLevel::kWarn,
                                 "this machine's clock is 3600 s behind that of the server: here "
                                 "it is 20231114T221320Z, there 20231114T231320Z"),
            1);
  EXPECT_TRUE(world.executor.run((*opened)->list("", "")).has_value());
  EXPECT_EQ(world.server.requests().size(), 3u) << "the correction is kept";
}

TEST(S3Clock, ARefusalWithoutADocumentIsUnderstood) {
  S3World world;
  auto store = std::move(*world.open(world.config()));
  world.server.handle(strict);
  EXPECT_TRUE(world.executor.run(store->head("a")).has_value());
  EXPECT_EQ(world.server.count("HEAD"), 2);
  base::take_log_lines(base::LogLevel::kWarn, "requests are signed by the server's time");
}

TEST(S3Clock, ARefusalForAnotherReasonIsFinal) {
  S3World world;
  auto store = std::move(*world.open(world.config()));
  world.server.handle([](const FakeRequest&) {
    return FakeReply{
        .status = 403, .headers = {{"date", "Tue, 14 Nov 2023 22:15:00 GMT"}}, .body = {}};
  });
  EXPECT_FALSE(world.executor.run(store->get("a", std::nullopt)).has_value());
  EXPECT_EQ(world.server.count("GET"), 2) << "one of them the list at the start";
  EXPECT_EQ(store->server_ahead_ms(), 100'000);
  base::take_log_lines(base::LogLevel::kWarn, "object store fails");
}

}  // namespace
}  // namespace thalweg::object_store::s3
