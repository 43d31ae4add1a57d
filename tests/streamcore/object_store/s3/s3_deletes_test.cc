// Deletes of many objects at once, and of servers that do not do such a thing.
#include <gtest/gtest.h>

#include "streamcore/object_store/s3/delete_objects.h"
#include "tests/streamcore/base/log_lines.h"
#include "tests/streamcore/object_store/s3/s3_world.h"

namespace thalweg::object_store::s3 {
namespace {

using base::ErrorCode;

class S3Deletes : public testing::Test {
 protected:
  S3Deletes() {
    S3Config config = world_.config();
    config.prefix = "mine/";
    store_ = std::move(*world_.open(config));
    for (const std::string key : {"a", "b/1", "b/2", "c"}) {
      server_.objects["mine/" + key] = {"bytes", ""};
    }
    server_.objects["a"] = {"another's", ""};
  }
  base::Status remove_all(std::vector<std::string> keys) {
    return world_.executor.run(store_->remove_all(std::move(keys)));
  }
  int count(std::string_view method) const { return server_.count(method); }

  S3World world_;
  FakeS3& server_ = world_.server;
  std::unique_ptr<S3ObjectStore> store_;
};

TEST_F(S3Deletes, ManyCostOneRequest) {
  EXPECT_TRUE(remove_all({"a", "b/1", "b/2"}).has_value());
  EXPECT_EQ(count("POST"), 1);
  EXPECT_EQ(count("DELETE"), 0);
  EXPECT_TRUE(server_.objects.contains("mine/c"));
  EXPECT_TRUE(server_.objects.contains("a"));
  EXPECT_EQ(server_.objects.size(), 2u);
  EXPECT_EQ(world_.counts.of("a", RequestKind::kDelete).requests, 1u);
  EXPECT_TRUE(remove_all({"c"}).has_value());
  EXPECT_EQ(count("POST"), 1) << "one alone is a DELETE";
}

TEST_F(S3Deletes, WhatIsRefusedAmongOthersIsDeletedAlone) {
  server_.stubborn = {"mine/b/1", "mine/c"};
  EXPECT_TRUE(remove_all({"a", "b/1", "b/2", "c"}).has_value());
  EXPECT_EQ(count("POST"), 1);
  EXPECT_EQ(count("DELETE"), 2);
  EXPECT_EQ(server_.objects.size(), 1u);
}

TEST_F(S3Deletes, AServerThatKnowsNoneIsAskedOnce) {
  for (const int status : {400, 405, 501}) {
    const int posts = count("POST");
    auto store = std::move(*world_.open(world_.config()));
    server_.handle([status](const FakeRequest& request) {
      const bool post = request.method == "POST";
      return FakeReply{.status = post ? status : 204, .headers = {}, .body = {}};
    });
    for (int i = 0; i < 2; ++i) {
      EXPECT_TRUE(world_.executor.run(store->remove_all({"a", "b", "c"})).has_value());
    }
    EXPECT_EQ(count("POST") - posts, 1) << status;
    server_.handle(nullptr);
  }
  EXPECT_EQ(count("DELETE"), 18);
  EXPECT_EQ(base::count_log_lines("no more than one delete at a time"), 3);
}

TEST_F(S3Deletes, ARepetitionIsNoRefusal) {
  for (const Fault fault : {Fault::kSlowDown, Fault::kExpiredToken, Fault::kLostAnswer}) {
    server_.fail_next(fault);
  }
  EXPECT_TRUE(remove_all({"a", "b/1", "b/2"}).has_value());
  EXPECT_EQ(count("POST"), 4);
  EXPECT_EQ(count("DELETE"), 0);
}

TEST_F(S3Deletes, AnAnswerThatIsNoneIsNoSuccess) {
  server_.handle([](const FakeRequest&) {
    return FakeReply{
        .status = 200, .headers = {}, .body = "<Error><Code>InternalError</Code></Error>"};
  });
  EXPECT_EQ(remove_all({"a", "b"}).error().code, ErrorCode::kUnavailable);
  server_.handle([](const FakeRequest& request) {
    return FakeReply{.status = request.method == "POST" ? 405 : 403, .headers = {}, .body = {}};
  });
  EXPECT_EQ(remove_all(std::vector<std::string>(100, "a")).error().code, ErrorCode::kUnavailable);
  EXPECT_LE(count("DELETE"), 17) << "all were tried after the first was refused";
  base::take_log_lines(base::LogLevel::kWarn, "object store fails");
}

TEST(DeleteObjects, DocumentAndItsMd5) {
  const std::vector<std::string> keys = {"x", "y/z"};
  const std::string document = delete_document("p/", keys);
  EXPECT_EQ(document,
            "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>"
            "<Object><Key>p/x</Key></Object><Object><Key>p/y/z</Key></Object></Delete>");
  EXPECT_EQ(content_md5("123456789"), "JfnnlDI7RTiF9RgfG2JNCw==");
  for (const std::string key : {"other", "p/", ""}) {
    const std::string error = "<Error><Key>" + key + "</Key><Code>InternalError</Code></Error>";
    EXPECT_FALSE(parse_not_deleted("<DeleteResult>" + error + "</DeleteResult>", "p/")) << key;
  }
  EXPECT_FALSE(parse_not_deleted("<DeleteResult><Error></Error></DeleteResult>", ""));
}

}  // namespace
}  // namespace thalweg::object_store::s3
