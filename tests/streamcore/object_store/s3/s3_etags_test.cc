// Whose an object is must be known without ETags, whatever a server's are.
#include <gtest/gtest.h>

#include <algorithm>

#include "streamcore/object_store/s3/etag.h"
#include "tests/streamcore/object_store/s3/s3_world.h"

namespace thalweg::object_store::s3 {
namespace {

TEST(S3Etags, APutThatIsRepeatedIsKnownByItsNonce) {
  S3World world;
  auto store = std::move(*world.open(world.config()));
  const std::string bytes = "bytes";
  EXPECT_EQ(world.executor.run(store->put_twice("a", {base::as_bytes(bytes)})).value(),
            PutOutcome::kCreated);
  EXPECT_EQ(world.server.count("PUT"), 2);
  EXPECT_EQ(world.put(*store, "a", bytes).value(), PutOutcome::kExists) << "the same content";
}

TEST(S3Etags, AServerThatDropsMetadataTakesARepetitionForAnothers) {
  S3World world;
  auto store = std::move(*world.open(world.config()));
  int puts = 0;
  world.server.handle([&puts](const FakeRequest& request) {
    const bool late = request.method == "PUT" && puts++ > 0;
    return FakeReply{.status = late ? 412 : 200, .headers = {{"etag", "\"same\""}}, .body = {}};
  });
  const std::string bytes = "bytes";
  EXPECT_EQ(world.executor.run(store->put_twice("a", {base::as_bytes(bytes)})).value(),
            PutOutcome::kExists);
}

// A server whose ETag is `etag` and which grants If-Match to `taken`.
std::string described(const std::string& etag, std::vector<std::string> taken) {
  S3World world;
  auto store = std::move(*world.open(world.config()));
  world.server.handle([&](const FakeRequest& request) {
    const std::string wanted = request.header("if-match");
    const bool granted = wanted.empty() || std::ranges::find(taken, wanted) != taken.end();
    FakeReply reply{.status = granted ? 200 : 412, .headers = {}, .body = {}};
    if (!etag.empty()) reply.headers.emplace_back("etag", etag);
    return reply;
  });
  auto text = world.executor.run(store->describe_etags());
  EXPECT_EQ(world.server.count("DELETE"), 1) << "what was tried out is removed";
  return text ? *text : text.error().message;
}

TEST(S3Etags, QuirksAreTold) {
  EXPECT_EQ(described("", {}), "there are none");
  EXPECT_EQ(described("\"abc-2\"", {"\"abc-2\"", "abc-2"}),
            "in quotes, not the MD5 of the content; If-Match takes them in quotes and without");
  EXPECT_EQ(described("abc", {"abc"}),
            "without quotes, not the MD5 of the content; If-Match takes them without quotes only");
  EXPECT_EQ(described("W/\"abc\"", {"\"abc\""}),
            "weak, in quotes, not the MD5 of the content; If-Match takes them in quotes only");
  EXPECT_EQ(
      described("\"abc\"", {"\"abc\"", "abc", std::string("\"") + std::string(32, '0') + "\""}),
      "in quotes, not the MD5 of the content; If-Match is ignored");
  EXPECT_EQ(described("\"abc\"", {}), "in quotes, not the MD5 of the content; If-Match takes none");
}

TEST(S3Etags, TheMd5OfTheContentIsRecognised) {
  const EtagAnswers answers{.etag = "\"25F9E794323B453885F5181F1B624D0B\"", .takes_quoted = true};
  EXPECT_EQ(describe(answers, "123456789"),
            "in quotes, the MD5 of the content; If-Match takes them in quotes only");
}

}  // namespace
}  // namespace thalweg::object_store::s3
