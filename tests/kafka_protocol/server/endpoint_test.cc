#include "kafka_protocol/server/endpoint.h"

#include <gtest/gtest.h>

namespace thalweg::server {
namespace {

TEST(Endpoint, ParsesNamesAddressesAndWildcards) {
  EXPECT_EQ(*parse_endpoint("broker:9092"), (Endpoint{"broker", 9092}));
  EXPECT_EQ(*parse_endpoint("[::1]:9092"), (Endpoint{"::1", 9092}));
  EXPECT_EQ(*parse_endpoint(":0"), (Endpoint{"", 0}));
  EXPECT_TRUE(is_wildcard(parse_endpoint("[::]:1")->host));
  EXPECT_FALSE(is_wildcard("localhost"));
}

TEST(Endpoint, IsWrittenTheWayItIsRead) {
  for (const char* text : {"broker:9092", "[::1]:9092", ":0", "10.0.0.1:65535"}) {
    EXPECT_EQ(to_string(*parse_endpoint(text)), text);
  }
}

TEST(Endpoint, RefusesWhatIsNotHostAndPort) {
  for (const char* text :
       {"", "broker", "broker:", "broker:65536", "broker:-1", "broker:9a", "::1:9092"}) {
    EXPECT_FALSE(parse_endpoint(text)) << text;
  }
}

}  // namespace
}  // namespace thalweg::server
