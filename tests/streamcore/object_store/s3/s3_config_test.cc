// The URL, the variables, and the files credentials come from.
#include "streamcore/object_store/s3/s3_config.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "streamcore/object_store/s3/credential_source.h"
#include "streamcore/object_store/s3/credentials_file.h"
#include "streamcore/object_store/s3/xml_text.h"
#include "tests/streamcore/base/temp_directory.h"

namespace thalweg::object_store::s3 {
namespace {

using Variables = std::map<std::string, std::string>;

base::Result<S3Config> parse(std::string_view url, const Variables& variables = {}) {
  return parse_s3_url(url, [&](const char* name) {
    const auto at = variables.find(name);
    return at == variables.end() ? std::string() : at->second;
  });
}

std::string refusal(std::string_view url, const Variables& variables = {}) {
  const auto config = parse(url, variables);
  if (config) return "accepted";
  EXPECT_EQ(config.error().code, base::ErrorCode::kInvalidArgument);
  return config.error().message;
}

TEST(S3Config, BucketOfAwsNeedsARegionOnly) {
  const auto config = parse("s3://my-bucket/some/prefix/?region=eu-west-1").value();
  EXPECT_EQ(config.bucket, "my-bucket");
  EXPECT_EQ(config.prefix, "some/prefix/");
  EXPECT_EQ(config.scheme, "https");
  EXPECT_EQ(config.host, "my-bucket.s3.eu-west-1.amazonaws.com");
  EXPECT_FALSE(config.path_style);
  EXPECT_EQ(config.name(), "s3://my-bucket/some/prefix/");
  EXPECT_NE(refusal("s3://my-bucket").find("AWS_REGION"), std::string::npos);
}

TEST(S3Config, OtherEndpointMeansPathStyleUnlessSaidOtherwise) {
  const auto config = parse("s3://data?endpoint=http%3A%2F%2F127.0.0.1:9000/").value();
  EXPECT_EQ(config.prefix, "");
  EXPECT_EQ(config.scheme, "http");
  EXPECT_EQ(config.host, "127.0.0.1:9000");
  EXPECT_TRUE(config.path_style);
  EXPECT_EQ(config.region, "us-east-1");
  EXPECT_EQ(parse("s3://data?endpoint=https://s.example:443&path-style=false").value().host,
            "data.s.example");
}

TEST(S3Config, VariablesSayWhatTheUrlLeavesOut) {
  const Variables variables = {{"AWS_ENDPOINT_URL", "http://first:1"},
                               {"AWS_ENDPOINT_URL_S3", "http://second:2"},
                               {"AWS_REGION", "here"},
                               {"AWS_CA_BUNDLE", "/ca.pem"}};
  const auto config = parse("s3://data", variables).value();
  EXPECT_EQ(config.host, "second:2");
  EXPECT_EQ(config.region, "here");
  EXPECT_EQ(config.ca_file, "/ca.pem");
  const auto said = parse("s3://data?endpoint=http://x&region=y&ca-bundle=/z", variables).value();
  EXPECT_EQ(said.host + said.region + said.ca_file, "xy/z");
}

TEST(S3Config, UnknownParameterIsRefusedByNameWithoutItsValue) {
  const std::string message = refusal("s3://data?secret-key=canary&region=x");
  EXPECT_NE(message.find("'secret-key'"), std::string::npos) << message;
  EXPECT_EQ(message.find("canary"), std::string::npos) << message;
}

TEST(S3Config, WrongUrlsAreRefused) {
  const std::string with_keys = refusal("s3://AKIA:canary@data?region=x");
  EXPECT_NE(with_keys.find("AWS_ACCESS_KEY_ID"), std::string::npos);
  EXPECT_EQ(with_keys.find("canary"), std::string::npos);
  for (const char* url :
       {"file:///x", "s3://", "s3://Bucket?region=x", "s3://ab?region=x", "s3://data/a//b?region=x",
        "s3://data/..?region=x", "s3://data?region=", "s3://data?endpoint=ftp://x",
        "s3://data?endpoint=http://", "s3://data?endpoint=http://a:b@x",
        "s3://data?endpoint=http://x/y", "s3://data?region=%2", "s3://data?region=%zz",
        "s3://data?region=x&path-style=yes"}) {
    EXPECT_NE(refusal(url), "accepted") << url;
  }
}

TEST(S3Config, CredentialsComeFromTheEnvironmentBeforeTheFile) {
  const base::TempDirectory directory;
  const std::string file = std::string(directory.path()) + "/credentials";
  std::ofstream(file) << "[default]\naws_access_key_id=fileid\naws_secret_access_key=s\n";
  Variables variables = {{"AWS_REGION", "x"}, {"AWS_SHARED_CREDENTIALS_FILE", file}};
  EXPECT_EQ(parse("s3://data", variables).value().credentials.fixed->access_key_id, "fileid");
  variables["AWS_ACCESS_KEY_ID"] = "envid";
  variables["AWS_SECRET_ACCESS_KEY"] = "secret";
  variables["AWS_SESSION_TOKEN"] = "token";
  const auto config = parse("s3://data", variables).value();
  EXPECT_EQ(config.credentials.fixed->access_key_id, "envid");
  EXPECT_EQ(config.credentials.fixed->session_token.reveal(), "token");
}

TEST(S3Config, MetadataServicesAreTheLastResort) {
  Variables variables = {{"AWS_REGION", "x"}};
  EXPECT_EQ(parse("s3://data", variables).value().credentials.metadata_url,
            "http://169.254.169.254");
  variables["AWS_EC2_METADATA_DISABLED"] = "true";
  variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/v2/x";
  const CredentialsConfig config = parse("s3://data", variables).value().credentials;
  EXPECT_FALSE(config.fixed.has_value());
  EXPECT_EQ(config.metadata_url, "");
  EXPECT_EQ(config.container_url, "http://169.254.170.2/v2/x");
}

TEST(CredentialsFile, ProfileHasItsOwnKeys) {
  constexpr std::string_view kFile =
      "# comment\n[default]\naws_access_key_id = A\naws_secret_access_key = a=b\r\n\n"
      "[ other ]\naws_secret_access_key=c\naws_access_key_id=C\naws_session_token = t\n[half]\n"
      "aws_access_key_id=H\n";
  EXPECT_EQ(credentials_of_profile(kFile, "default")->secret_access_key.reveal(), "a=b");
  EXPECT_EQ(credentials_of_profile(kFile, "other")->access_key_id, "C");
  EXPECT_EQ(credentials_of_profile(kFile, "other")->session_token.reveal(), "t");
  EXPECT_FALSE(credentials_of_profile(kFile, "half").has_value());
  EXPECT_FALSE(credentials_of_profile(kFile, "none").has_value());
}

TEST(MetadataCredentials, AnswerIsReadWithItsEnd) {
  const auto found = parse_metadata_credentials(
      R"({"Code":"Success","AccessKeyId":"A","SecretAccessKey":"s","Token":"t",)"
      R"("Expiration":"2015-08-30T12:36:00Z"})");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->session_token.reveal(), "t");
  EXPECT_EQ(found->expires_at, 1'440'938'160'000);
  EXPECT_FALSE(parse_metadata_credentials("<html>").has_value());
  EXPECT_FALSE(parse_metadata_credentials(R"({"AccessKeyId":"A"})").has_value());
}

TEST(XmlText, ElementsAreTakenOneAfterTheOther) {
  std::string_view xml = "<L><C><K>a&amp;b&#x41;&#66;&nope;</K></C><C><K>2</K></C><C>";
  EXPECT_EQ(element_text(*take_element(xml, "C"), "K"), "a&bAB&nope;");
  EXPECT_EQ(element_text(*take_element(xml, "C"), "K"), "2");
  EXPECT_FALSE(take_element(xml, "C").has_value());
  EXPECT_EQ(element_text("<a>", "b"), "");
}

}  // namespace
}  // namespace thalweg::object_store::s3
