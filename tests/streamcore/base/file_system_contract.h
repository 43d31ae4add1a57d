// FileSystemContract: what every FileSystem must do; file_systems_test.cc instantiates it.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <utility>

#include "streamcore/base/check.h"
#include "streamcore/base/file_system.h"
#include "tests/streamcore/base/task_runner.h"

namespace thalweg::base {

// An empty file system, and what it runs on.
class FileSystemBackend {
 public:
  virtual ~FileSystemBackend() = default;
  virtual FileSystem& files() = 0;
  // Runs one callback of the executor; waits for one if the backend works in real time.
  virtual void step() = 0;
};

struct FileSystemFactory {
  std::string name;
  std::function<std::unique_ptr<FileSystemBackend>()> make;
  friend void PrintTo(const FileSystemFactory& factory, std::ostream* out) { *out << factory.name; }
};

class FileSystemContract : public testing::TestWithParam<FileSystemFactory> {
 protected:
  FileSystemContract() : backend_(GetParam().make()) {}

  FileSystem& files() { return backend_->files(); }
  template <class T>
  T run(Task<T> task) {
    TaskRunner<T> runner(std::move(task));
    while (!runner.done()) backend_->step();
    return runner.take();
  }
  std::unique_ptr<File> open(std::string path, OpenOptions options = {.create = true}) {
    auto file = run(files().open(std::move(path), options));
    CHECK_MSG(file.has_value(), file ? "" : file.error().message);
    return std::move(*file);
  }
  ErrorCode open_error(std::string path, OpenOptions options) {
    auto file = run(files().open(std::move(path), options));
    CHECK(!file.has_value());
    return file.error().code;
  }
  Status write(File& file, std::string_view text, uint64_t offset, bool sync = false) {
    return run(file.write_at({as_bytes(text)}, offset, sync));
  }
  std::string read(File& file, uint64_t offset, size_t length) {
    std::string text(length, '\0');
    const auto n = run(file.read_at(std::as_writable_bytes(std::span(text)), offset));
    CHECK(n.has_value());
    text.resize(*n);
    return text;
  }
  // Random writes, reads and truncations of any alignment against a plain string.
  void compare_with_a_string(File& file, uint64_t seed);

  std::unique_ptr<FileSystemBackend> backend_;
};

}  // namespace thalweg::base
