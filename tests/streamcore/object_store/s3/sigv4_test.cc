// The signer against the examples AWS publishes: facts of
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html (GET Object, GET
// Bucket lifecycle, List Objects) and of the Signature Version 4 test suite (get-vanilla,
// get-vanilla-query-order-key-case).
#include "streamcore/object_store/s3/sigv4.h"

#include <gtest/gtest.h>

namespace thalweg::object_store::s3 {
namespace {

constexpr std::string_view kEmptyHash =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr base::Timestamp kMay24th2013 = 1'369'353'600'000;
constexpr base::Timestamp kAugust30th2015 = 1'440'938'160'000;

Credentials s3_example() {
  return {.access_key_id = "AKIAIOSFODNN7EXAMPLE",
          .secret_access_key = Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
          .session_token = {}};
}

std::string sign_s3(SignedRequest request) {
  request.headers.emplace_back("host", "examplebucket.s3.amazonaws.com");
  request.headers.emplace_back("x-amz-content-sha256", kEmptyHash);
  request.headers.emplace_back("x-amz-date", "20130524T000000Z");
  return authorization(request, {.region = "us-east-1"}, s3_example(), kMay24th2013, kEmptyHash);
}

TEST(SigV4, GetObjectExampleIsSignedAsPublished) {
  EXPECT_EQ(
      sign_s3(
          {.method = "GET", .path = "/test.txt", .query = "", .headers = {{"range", "bytes=0-9"}}}),
      "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
      "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
      "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(SigV4, ParameterWithoutValueIsSignedAsPublished) {
  const std::string signature = sign_s3(
      {.method = "GET", .path = "/", .query = canonical_query({{"lifecycle", ""}}), .headers = {}});
  EXPECT_TRUE(signature.ends_with(
      "Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"))
      << signature;
}

TEST(SigV4, ListExampleIsSignedAsPublished) {
  const std::string signature =
      sign_s3({.method = "GET",
               .path = "/",
               .query = canonical_query({{"prefix", "J"}, {"max-keys", "2"}}),
               .headers = {}});
  EXPECT_TRUE(signature.ends_with(
      "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"))
      << signature;
}

std::string sign_suite(std::string query) {
  const Credentials credentials{
      .access_key_id = "AKIDEXAMPLE",
      .secret_access_key = Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
      .session_token = {}};
  return authorization(
      {.method = "GET",
       .path = "/",
       .query = std::move(query),
       .headers = {{"x-amz-date", "20150830T123600Z"}, {"host", "example.amazonaws.com"}}},
      {.region = "us-east-1", .service = "service"}, credentials, kAugust30th2015, kEmptyHash);
}

TEST(SigV4, TestSuiteVanillaIsSignedAsPublished) {
  EXPECT_EQ(sign_suite(""),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
            "SignedHeaders=host;x-amz-date, "
            "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
}

TEST(SigV4, QueryIsSignedInOrder) {
  const std::string signature =
      sign_suite(canonical_query({{"Param2", "value2"}, {"Param1", "value1"}}));
  EXPECT_TRUE(signature.ends_with(
      "Signature=b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"))
      << signature;
}

TEST(SigV4, TextIsEncodedByteByByte) {
  EXPECT_EQ(percent_encode("a-._~/ +\xC3\xA9", false), "a-._~%2F%20%2B%C3%A9");
  EXPECT_EQ(percent_encode("a/b c", true), "a/b%20c");
  EXPECT_EQ(canonical_query({{"b", "="}, {"a", ""}}), "a=&b=%3D");
}

TEST(SigV4, TimeIsWrittenToTheSecond) {
  EXPECT_EQ(amz_time(0), "19700101T000000Z");
  EXPECT_EQ(amz_time(kAugust30th2015), "20150830T123600Z");
  EXPECT_EQ(amz_time(1'709'251'199'999), "20240229T235959Z");
}

}  // namespace
}  // namespace thalweg::object_store::s3
