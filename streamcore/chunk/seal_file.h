// SealFile: the SEALs of one channel on the local disk (seal_file_format.h). Owned by ChannelLog.
//
// Room for coming SEALs is allocated ahead, so that a recovery can seal on a full disk.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "streamcore/base/file_system.h"
#include "streamcore/base/result.h"
#include "streamcore/base/task.h"
#include "streamcore/chunk/chunk_format.h"

namespace thalweg::chunk {

// From so many records on, a start rewrites the file with the lowest SEAL of each epoch, which is
// its end (P7): a local replica is the only one of its log, so the SEALs a recovery put beyond the
// end decide nothing.
inline constexpr size_t kSealsKept = 4096;

class SealFile {
 public:
  SealFile(base::FileSystem& files, std::string directory, uint64_t incarnation, ChannelId channel)
      : files_(files),
        directory_(std::move(directory)),
        incarnation_(incarnation),
        channel_(channel) {}

  // Reads the file if there is one, and changes nothing. kCorrupt, kUnsupported.
  base::Task<base::Result<std::vector<ChunkHeader>>> load();
  // After load(): leaves no doubt that what was read is durable, and drops records that decide
  // nothing if there are many.
  base::Task<base::Status> renew();
  bool exists() const { return file_ != nullptr; }
  // Creates the file if there is none, and sees to room for SEALs to come. kNoSpace.
  base::Task<base::Status> prepare();
  // Durable when it answers; the file exists(). Any error leaves the outcome unknown. One call at a
  // time.
  base::Task<base::Status> append(ChunkIds ids);
  base::Task<base::Status> sync();

 private:
  std::string path() const { return directory_ + "/seals"; }
  std::string new_path() const { return directory_ + "/seals.new"; }
  // Where the records of the shorter file end; 0 if it would not be much shorter.
  base::Task<base::Result<uint64_t>> write_shorter(std::vector<ChunkHeader> seals);
  base::Task<base::Status> install_shorter(uint64_t end);
  base::Task<base::Status> extend();

  base::FileSystem& files_;
  std::string directory_;
  uint64_t incarnation_;
  ChannelId channel_;
  std::unique_ptr<base::File> file_;
  uint64_t end_ = 0;  // of the last record
  uint64_t allocated_ = 0;
};

}  // namespace thalweg::chunk
