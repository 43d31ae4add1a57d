#include "kafka_protocol/topics/topic_config.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace thalweg::topics {
namespace {

using base::ErrorCode;

void expect_refused(std::string_view name, std::string_view value) {
  const base::Status status = check_topic_config(name, value);
  ASSERT_FALSE(status.has_value()) << name << " took '" << value << "'";
  EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(status.error().message.find(name), std::string::npos) << status.error().message;
}
void expect_taken(std::string_view name, std::string_view value) {
  EXPECT_TRUE(check_topic_config(name, value).has_value()) << name << " refused '" << value << "'";
}

// A whole number just outside a bound, if it can be written at all.
std::string whole(double value) { return std::to_string(static_cast<int64_t>(value)); }

TEST(TopicConfig, KeysAreSortedSoThatTheyAreFound) {
  const auto keys = topic_config_keys();
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end(),
                             [](const auto& a, const auto& b) { return a.name < b.name; }));
  for (const TopicConfigKey& key : keys) {
    EXPECT_EQ(find_topic_config(key.name), &key);
    EXPECT_FALSE(key.documentation.empty()) << key.name;
  }
  EXPECT_EQ(find_topic_config("retention"), nullptr);
  EXPECT_EQ(find_topic_config(""), nullptr);
}

TEST(TopicConfig, EveryDefaultIsAccepted) {
  for (const TopicConfigKey& key : topic_config_keys()) {
    if (key.type == ConfigType::kList && key.default_value.empty() && key.choices.empty()) {
      expect_taken(key.name, "");
    } else {
      expect_taken(key.name, key.default_value);
    }
  }
}

TEST(TopicConfig, NumbersKeepToTheirBounds) {
  for (const TopicConfigKey& key : topic_config_keys()) {
    if (key.type != ConfigType::kInt && key.type != ConfigType::kLong) continue;
    expect_taken(key.name, whole(key.min));
    expect_refused(key.name, whole(key.min - 1));
    if (key.type == ConfigType::kInt) {
      expect_taken(key.name, whole(key.max));
      expect_refused(key.name, whole(key.max + 1));
    } else {
      expect_taken(key.name, "9223372036854775807");
      expect_refused(key.name, "9223372036854775808");
    }
  }
}

TEST(TopicConfig, WhatIsNotANumberIsRefusedByName) {
  for (const TopicConfigKey& key : topic_config_keys()) {
    if (key.type == ConfigType::kString || key.type == ConfigType::kList) continue;
    for (const std::string_view value : {"", "many", "1x", " 1", "1 ", "+", "--1", "0x10"}) {
      expect_refused(key.name, value);
    }
  }
  expect_taken("min.cleanable.dirty.ratio", "0.25");
  expect_taken("min.cleanable.dirty.ratio", "1");
  expect_refused("min.cleanable.dirty.ratio", "1.01");
  expect_refused("min.cleanable.dirty.ratio", "nan");
  expect_refused("retention.ms", "1.5");
}

TEST(TopicConfig, ChoicesAreRefusedByName) {
  for (const TopicConfigKey& key : topic_config_keys()) {
    if (key.choices.empty()) continue;
    expect_refused(key.name, "");
    expect_refused(key.name, "sometimes");
    expect_refused(key.name, std::string(key.default_value) + ",sometimes");
  }
  for (const std::string_view value : {"true", "false"}) expect_taken("preallocate", value);
  for (const std::string_view value : {"TRUE", "yes", "1", ""})
    expect_refused("preallocate", value);
}

TEST(TopicConfig, CleanupPolicyTakesBothPolicies) {
  for (const std::string_view value : {"compact", "delete", "compact,delete", "delete, compact"}) {
    expect_taken("cleanup.policy", value);
  }
  // A string, unlike a list, takes one choice.
  expect_refused("message.timestamp.type", "CreateTime,LogAppendTime");
}

TEST(TopicConfig, UnknownKeysAreRefusedByName) {
  expect_refused("retention.minutes", "5");
  expect_refused("Retention.ms", "5");
  expect_refused("", "5");
}

TEST(TopicSettings, DefaultsAreTheTablesDefaults) {
  ConfigEntries every_default;
  for (const TopicConfigKey& key : topic_config_keys()) {
    every_default.emplace_back(key.name, key.default_value);
  }
  EXPECT_EQ(parse_topic_settings(TopicDefaults(), every_default), TopicSettings{});
}

TEST(TopicSettings, EveryKeyThatActsChangesThem) {
  const ConfigEntries changes = {{"cleanup.policy", "compact"},
                                 {"max.message.bytes", "5"},
                                 {"message.timestamp.after.max.ms", "5"},
                                 {"message.timestamp.before.max.ms", "5"},
                                 {"message.timestamp.type", "LogAppendTime"},
                                 {"retention.bytes", "5"},
                                 {"retention.ms", "5"},
                                 {"thalweg.storage.class", "express"}};
  size_t acting = 0;
  for (const TopicConfigKey& key : topic_config_keys()) {
    if (!key.acts) continue;
    ++acting;
    const auto it = std::find_if(changes.begin(), changes.end(),
                                 [&](const auto& change) { return change.first == key.name; });
    ASSERT_NE(it, changes.end()) << key.name;
    EXPECT_NE(parse_topic_settings(TopicDefaults(), {*it}), TopicSettings{}) << key.name;
  }
  EXPECT_EQ(acting, changes.size());
  const TopicSettings both =
      parse_topic_settings(TopicDefaults(), {{"cleanup.policy", "compact, delete"}});
  EXPECT_TRUE(both.cleanup_compact && both.cleanup_delete);
}

TEST(TopicSettings, ATopicsOwnConfigWinsOverTheBrokersDefault) {
  const auto defaults = TopicDefaults::make({{"retention.ms", "1000"}, {"retention.bytes", "7"}});
  ASSERT_TRUE(defaults.has_value());
  const TopicSettings settings = parse_topic_settings(*defaults, {{"retention.ms", "5"}});
  EXPECT_EQ(settings.retention_ms, 5);
  EXPECT_EQ(settings.retention_bytes, 7);
  const TopicConfigKey& retention = *find_topic_config("retention.ms");
  EXPECT_EQ(defaults->value_of(retention), "1000");
  EXPECT_TRUE(defaults->overridden(retention));
  EXPECT_FALSE(defaults->overridden(*find_topic_config("cleanup.policy")));
  EXPECT_EQ(defaults->value_of(*find_topic_config("cleanup.policy")), "delete");
}

TEST(TopicSettings, BrokerDefaultsAreCheckedLikeATopicsConfigs) {
  const auto defaults = TopicDefaults::make({{"retention.ms", "soon"}});
  ASSERT_FALSE(defaults.has_value());
  EXPECT_EQ(defaults.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace thalweg::topics
