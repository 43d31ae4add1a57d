// ObjectStoreContract: what every ObjectStore keeps, checked the same way against each backend.
//
// A backend's test file names it: INSTANTIATE_TEST_SUITE_P(Memory, ObjectStoreContract,
// Values(factory)).
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "streamcore/base/executor.h"
#include "streamcore/object_store/object_store.h"
#include "tests/streamcore/base/task_runner.h"

namespace thalweg::object_store {

// An empty store, and what it runs on.
class ObjectStoreBackend {
 public:
  virtual ~ObjectStoreBackend() = default;
  virtual ObjectStore& store() = 0;
  virtual base::Executor& executor() = 0;
  // Runs one callback of the executor; waits for one if the backend works in real time.
  virtual void step() = 0;

  template <class T>
  T run(base::Task<T> task) {
    base::TaskRunner<T> runner(std::move(task));
    while (!runner.done()) step();
    return runner.take();
  }
};

struct BackendFactory {
  std::string name;
  std::function<std::unique_ptr<ObjectStoreBackend>()> make;
  friend void PrintTo(const BackendFactory& factory, std::ostream* out) { *out << factory.name; }
};

class ObjectStoreContract : public testing::TestWithParam<BackendFactory> {
 protected:
  ObjectStoreContract() : backend_(GetParam().make()) {}

  ObjectStore& store() { return backend_->store(); }
  template <class T>
  T run(base::Task<T> task) {
    return backend_->run(std::move(task));
  }
  base::Result<PutOutcome> put(std::string key, std::string_view text) {
    return run(store().put_if_absent(std::move(key), {base::as_bytes(text)}));
  }
  // The object's text, or "<error>".
  std::string get(std::string key, std::optional<ByteRange> range = std::nullopt) {
    const auto got = run(store().get(std::move(key), range));
    if (!got) return std::string("<") + base::to_string(got.error().code) + ">";
    return std::string(base::as_chars(got->bytes));
  }

  std::unique_ptr<ObjectStoreBackend> backend_;
};

}  // namespace thalweg::object_store
