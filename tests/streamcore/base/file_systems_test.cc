// The contract against a real directory, the simulated disk, and a size limit over either.
#include "streamcore/base/posix_file_system.h"
#include "streamcore/base/quota_file_system.h"
#include "streamcore/base/random.h"
#include "tests/sim/sim_executor.h"
#include "tests/sim/sim_file_system.h"
#include "tests/streamcore/base/file_system_contract.h"
#include "tests/streamcore/base/loop_executor.h"
#include "tests/streamcore/base/temp_directory.h"

namespace thalweg::base {
namespace {

class PosixBackend : public FileSystemBackend {
 public:
  explicit PosixBackend(PosixOptions options = {})
      : files_(std::move(*PosixFileSystem::open(root_.path(), executor_, options))) {}
  FileSystem& files() override { return *files_; }
  void step() override { executor_.run_one(); }

 private:
  TempDirectory root_;
  LoopExecutor executor_;
  std::unique_ptr<PosixFileSystem> files_;
};

class RefusedDirectBackend final : public PosixBackend {
 public:
  RefusedDirectBackend() : PosixBackend({.refuse_direct = true}) {}
};

class SimBackend : public FileSystemBackend {
 public:
  FileSystem& files() override { return disk_; }
  void step() override { CHECK(executor_.step()); }

 private:
  SeededRandom random_{5};
  sim::SimExecutor executor_;
  sim::SimFileSystem disk_{executor_, random_};
};

template <class Disk>
class QuotaOver final : public FileSystemBackend {
 public:
  FileSystem& files() override { return quota_; }
  void step() override { disk_.step(); }

 private:
  Disk disk_;
  QuotaFileSystem quota_{disk_.files(), "the limit", 1 << 30, 0};
};

template <class Backend>
FileSystemFactory factory(std::string name) {
  return {std::move(name), [] { return std::make_unique<Backend>(); }};
}

INSTANTIATE_TEST_SUITE_P(FileSystems, FileSystemContract,
                         testing::Values(factory<PosixBackend>("Posix"),
                                         factory<RefusedDirectBackend>("PosixWithoutDirect"),
                                         factory<SimBackend>("Sim"),
                                         factory<QuotaOver<PosixBackend>>("QuotaOverPosix"),
                                         factory<QuotaOver<SimBackend>>("QuotaOverSim")),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace thalweg::base
