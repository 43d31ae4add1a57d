// The contract of MetadataStore, run against every backend: a backend's test instantiates the suite
// with a factory.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "streamcore/metadata/metadata_store.h"
#include "tests/sim/sim_executor.h"

namespace thalweg::metadata {

// A store and what it lives on.
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;
  virtual MetadataStore& store() = 0;
};

struct ContractBackend {
  std::string name;
  std::function<std::unique_ptr<StoreUnderTest>(sim::SimExecutor&)> make;
};

class MetadataStoreContract : public testing::TestWithParam<ContractBackend> {
 protected:
  void SetUp() override { under_test_ = GetParam().make(executor_); }
  void TearDown() override { under_test_.reset(); }

  MetadataStore& store() { return under_test_->store(); }
  base::Status commit(Transaction transaction) {
    return sim::run(executor_, store().commit(std::move(transaction)));
  }
  std::optional<std::string> get(std::string key) {
    auto value = sim::run(executor_, store().get(std::move(key)));
    EXPECT_TRUE(value.has_value());
    return *value;
  }
  std::vector<KeyValue> scan(std::string prefix, std::string start_after, size_t limit) {
    auto found =
        sim::run(executor_, store().scan(std::move(prefix), std::move(start_after), limit));
    EXPECT_TRUE(found.has_value());
    return *found;
  }

  sim::SimExecutor executor_;
  std::unique_ptr<StoreUnderTest> under_test_;
};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(MetadataStoreContract);

}  // namespace thalweg::metadata
