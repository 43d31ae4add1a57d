#include "kafka_protocol/server/config.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "kafka_protocol/server/cli.h"
#include "kafka_protocol/server/settings.h"
#include "streamcore/base/log.h"

namespace thalweg::server {
namespace {

TEST(ConfigKeys, EveryDefaultIsAcceptedByItsOwnKey) {
  for (const ConfigKey& key : config_keys()) {
    Config config;
    EXPECT_TRUE(config.set(key.name, key.default_value, "test")) << key.name;
    EXPECT_FALSE(key.doc.empty()) << key.name;
  }
}

TEST(Config, RefusesAnUnknownKeyByNameAndProposesTheNearest) {
  Config config;
  const auto set = config.set("log.retenton.ms", "1", "--set");
  ASSERT_FALSE(set);
  EXPECT_NE(set.error().message.find("'log.retenton.ms'"), std::string::npos);
  EXPECT_NE(set.error().message.find("'log.retention.ms'"), std::string::npos);
}

TEST(Config, RefusesAnUnfitValueAndSaysWhatIsAllowed) {
  Config config;
  for (const auto& [key, value, allowed] :
       {std::tuple{"num.partitions", "0", "from 1 to 1000000"},
        {"num.partitions", "1x", "from 1 to 1000000"},
        {"num.partitions", "99999999999999999999", "from 1 to 1000000"},
        {"auto.create.topics.enable", "yes", "true and false"},
        {"log.message.timestamp.type", "createtime", "CreateTime,LogAppendTime"},
        {"log.cleanup.policy", "delete,shred", "compact,delete"},
        {"log.cleanup.policy", "", "compact,delete"}}) {
    const auto set = config.set(key, value, "test");
    ASSERT_FALSE(set) << key;
    EXPECT_NE(set.error().message.find(key), std::string::npos);
    EXPECT_NE(set.error().message.find(allowed), std::string::npos) << set.error().message;
    EXPECT_TRUE(config.value(key).is_default);
  }
}

TEST(Config, ReadsPropertiesTheWayJavaDoes) {
  Config config;
  ASSERT_TRUE(
      config.load_properties("# comment\n! comment\r\n\n num.partitions = 7 \r\n"
                             "log.retention.ms:5\nlisteners=A://:1,\\\n   B://:2",
                             "server.properties"));
  EXPECT_EQ(config.get_int("num.partitions"), 7);
  EXPECT_EQ(config.value("num.partitions").source, "server.properties:4");
  EXPECT_EQ(config.get_int("log.retention.ms"), 5);
  EXPECT_EQ(config.get_list("listeners"), (std::vector<std::string>{"A://:1", "B://:2"}));
}

TEST(Config, NamesFileAndLineOfAMistake) {
  Config config;
  const auto loaded = config.load_properties("num.partitions=1\nnonsense\n", "f");
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().message, "f:2: 'nonsense' is not key=value");
}

TEST(Config, AnUnknownVariableOfTheEnvironmentIsRefusedByName) {
  const char* environment[] = {"THALWEG_NUM_PARTITION=3", nullptr};
  const auto loaded = Config().load_environment(environment);
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message.find("THALWEG_NUM_PARTITION"), std::string::npos);
}

TEST(Config, TheEnvironmentSetsKeysOfBothFamiliesAndMayDescribeServices) {
  const char* environment[] = {"PATH=/bin",
                               "THALWEG_LOG_RETENTION_MS=9",
                               "THALWEG_DATA_DIR=/d",
                               "THALWEG_SERVICE_HOST=10.0.0.1",
                               "THALWEG_SERVICE_PORT_KAFKA=9092",
                               "THALWEG_HEADLESS_PORT_9092_TCP_ADDR=10.0.0.1",
                               "THALWEG_PORT=tcp://10.0.0.1:9092",
                               nullptr};
  Config config;
  ASSERT_TRUE(config.load_environment(environment));
  EXPECT_EQ(config.get_int("log.retention.ms"), 9);
  EXPECT_EQ(config.get_string("thalweg.data.dir"), "/d");
  EXPECT_EQ(config.value("thalweg.data.dir").source, "environment THALWEG_DATA_DIR");
}

TEST(Config, AnUnfitValueInTheEnvironmentIsRefused) {
  const char* environment[] = {"THALWEG_NUM_PARTITIONS=many", nullptr};
  EXPECT_FALSE(Config().load_environment(environment));
}

TEST(Config, WhatItPrintsCanBeLoadedAgain) {
  Config config;
  ASSERT_TRUE(config.set("num.partitions", "12", "--set"));
  const std::string printed = config.print();
  EXPECT_NE(printed.find("# from: --set (default: 1)\nnum.partitions=12\n"), std::string::npos);
  Config again;
  ASSERT_TRUE(again.load_properties(printed, "printed"));
  for (const ConfigKey& key : config_keys()) {
    EXPECT_EQ(again.value(key.name).text, config.value(key.name).text);
  }
}

TEST(Settings, TheMostPreciseRetentionThatIsSetWins) {
  Config config;
  EXPECT_EQ(log_retention_ms(config), 604'800'000);
  ASSERT_TRUE(config.set("log.retention.hours", "1", "test"));
  EXPECT_EQ(log_retention_ms(config), 3'600'000);
  ASSERT_TRUE(config.set("log.retention.minutes", "-1", "test"));
  EXPECT_EQ(log_retention_ms(config), -1);
  ASSERT_TRUE(config.set("log.retention.ms", "5", "test"));
  EXPECT_EQ(log_retention_ms(config), 5);
}

TEST(Settings, ListenersGetTheirAdvertisedAddresses) {
  Config config;
  ASSERT_TRUE(config.set("listeners", "IN://:9092,OUT://0.0.0.0:9093", "test"));
  ASSERT_TRUE(config.set("advertised.listeners", "OUT://public.example:443", "test"));
  const auto listeners = listener_options(config);
  ASSERT_TRUE(listeners);
  EXPECT_FALSE((*listeners)[0].advertised);
  EXPECT_EQ((*listeners)[1].advertised, (Endpoint{"public.example", 443}));
}

TEST(Settings, RefusesListenersThatContradictEachOther) {
  for (const auto& [key, value] : {std::pair{"listeners", "localhost:9092"},
                                   {"listeners", "A://:1,A://:2"},
                                   {"listeners", ""},
                                   {"listeners", "A://:port"},
                                   {"advertised.listeners", "OTHER://host:1"},
                                   {"advertised.listeners", "PLAINTEXT://0.0.0.0:1"},
                                   {"listener.security.protocol.map", "PLAINTEXT:SSL"}}) {
    Config config;
    ASSERT_TRUE(config.set(key, value, "test"));
    const auto listeners = listener_options(config);
    ASSERT_FALSE(listeners) << key << "=" << value;
    EXPECT_NE(listeners.error().message.find(key), std::string::npos);
  }
}

TEST(Settings, BrokerIdAndNodeIdMustAgree) {
  Config config;
  EXPECT_EQ(*node_id(config), 1);
  ASSERT_TRUE(config.set("broker.id", "7", "test"));
  EXPECT_EQ(*node_id(config), 7);
  ASSERT_TRUE(config.set("node.id", "8", "test"));
  EXPECT_FALSE(node_id(config));
}

class CommandLine : public testing::Test {
 protected:
  std::optional<Config> run(std::vector<const char*> arguments,
                            std::vector<const char*> environment = {}) {
    arguments.insert(arguments.begin(), "thalweg");
    environment.push_back(nullptr);
    auto invocation = parse_command_line(static_cast<int>(arguments.size()), arguments.data(),
                                         environment.data(), out_, err_, exit_code_);
    if (!invocation) return std::nullopt;
    command_ = invocation->command;
    url_ = invocation->url;
    return std::move(invocation->config);
  }
  std::ostringstream out_;
  std::ostringstream err_;
  int exit_code_ = -1;
  Command command_ = Command::kServe;
  std::string url_;
};

TEST_F(CommandLine, FlagsWinOverEnvironmentAndEnvironmentOverFile) {
  const std::string file = testing::TempDir() + "thalweg_config_test.properties";
  std::ofstream(file) << "num.partitions=1\nlog.retention.ms=1\nmax.connections=1\n";
  const auto config = run({"serve", "--config", file.c_str(), "--data", "/d", "--listen", ":1234",
                           "--set", "num.partitions=3"},
                          {"THALWEG_NUM_PARTITIONS=2", "THALWEG_LOG_RETENTION_MS=2"});
  ASSERT_TRUE(config) << err_.str();
  EXPECT_EQ(config->get_int("num.partitions"), 3);
  EXPECT_EQ(config->get_int("log.retention.ms"), 2);
  EXPECT_EQ(config->get_int("max.connections"), 1);
  EXPECT_EQ(config->get_string("thalweg.data.dir"), "/d");
  EXPECT_EQ(config->get_string("listeners"), "PLAINTEXT://:1234");
}

TEST_F(CommandLine, StoreIsGivenToServeOrToBeChecked) {
  const auto config = run({"serve", "--store", "s3://a"}, {"THALWEG_STORE=s3://b"});
  ASSERT_TRUE(config) << err_.str();
  EXPECT_EQ(config->get_string("thalweg.store"), "s3://a");
  EXPECT_EQ(command_, Command::kServe);
  EXPECT_EQ(run({"store", "check", "s3://c"})->get_string("thalweg.store"), "s3://c");
  EXPECT_EQ(command_, Command::kCheckStore);
  EXPECT_FALSE(run({"store", "check"}));
}

TEST_F(CommandLine, AReplacedStoreIsNamedBesideTheBrokersConfiguration) {
  const auto config = run({"store", "replace", "s3://b", "--store", "s3://r", "--chunks", "s3://a",
                           "--chunks", "s3://b", "--chunks", "s3://c"});
  ASSERT_TRUE(config) << err_.str();
  EXPECT_EQ(command_, Command::kReplaceStore);
  EXPECT_EQ(url_, "s3://b");
  EXPECT_EQ(config->get_string("thalweg.store"), "s3://r");
  EXPECT_EQ(config->get_list("thalweg.chunks").size(), 3u);
}

TEST_F(CommandLine, ChunksAreGivenOnceOrSeveralTimes) {
  const auto one = run({"serve", "--chunks", "file:///a"}, {"THALWEG_CHUNKS=s3://b"});
  ASSERT_TRUE(one) << err_.str();
  EXPECT_EQ(one->get_list("thalweg.chunks"), std::vector<std::string>{"file:///a"});
  const auto three = run({"serve", "--chunks", "s3://a?region=x", "--chunks", "s3://b", "--chunks",
                          "s3://c", "--set", "thalweg.chunks.class=express"});
  ASSERT_TRUE(three) << err_.str();
  EXPECT_EQ(three->get_list("thalweg.chunks"),
            (std::vector<std::string>{"s3://a?region=x", "s3://b", "s3://c"}));
  EXPECT_FALSE(run({"serve", "--set", "thalweg.chunks.class=fast"}));
}

TEST_F(CommandLine, SeveralSetsMayFollowEachOther) {
  const auto config = run({"serve", "--set", "num.partitions=3", "--set", "max.connections=4"});
  ASSERT_TRUE(config) << err_.str();
  EXPECT_EQ(config->get_int("num.partitions"), 3);
  EXPECT_EQ(config->get_int("max.connections"), 4);
}

TEST_F(CommandLine, MisuseIsToldAndExitsWithTwo) {
  for (const std::vector<const char*>& arguments :
       std::vector<std::vector<const char*>>{{},
                                             {"fly"},
                                             {"serve", "--set", "a.b=1"},
                                             {"serve", "--set", "noequals"},
                                             {"serve", "--listen", "nowhere"},
                                             {"serve", "--config", "/does/not/exist"}}) {
    err_.str("");
    exit_code_ = -1;
    EXPECT_FALSE(run(arguments));
    EXPECT_EQ(exit_code_, kExitMisuse);
    EXPECT_FALSE(err_.str().empty());
  }
}

TEST_F(CommandLine, PrintsVersionAndConfiguration) {
  EXPECT_FALSE(run({"version"}));
  EXPECT_EQ(exit_code_, kExitDone);
  EXPECT_EQ(out_.str(), "thalweg 0.1.0\n");
  EXPECT_FALSE(run({"config", "print", "--set", "num.partitions=5"}));
  EXPECT_EQ(exit_code_, kExitDone);
  EXPECT_NE(out_.str().find("num.partitions=5\n"), std::string::npos);
}

}  // namespace
}  // namespace thalweg::server
