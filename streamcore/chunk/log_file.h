// LogFile: one open log file of a channel (log_file_format.h): where the next chunk goes, how many
// live chunks lie in it, who reads it. Shared, because a read may outlast the file's place in the
// log; owned by ChannelLog otherwise.
//
// Chunks are written through the log's I/O lane and read through the bulk lane, both past the page
// cache.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "streamcore/base/file_system.h"
#include "streamcore/base/result.h"
#include "streamcore/base/task.h"
#include "streamcore/chunk/log_file_format.h"

namespace thalweg::chunk {

// A live chunk found in a file. Only its header was read.
struct FoundChunk {
  ChunkHeader header;
  uint64_t position = 0;
};

// Bytes in front of a live chunk that are no chunk themselves.
struct DamagedRange {
  std::string file;
  uint64_t begin = 0;
  uint64_t end = 0;
  std::string found;  // what was there instead of a header
};

struct LogFileScan {
  std::vector<FoundChunk> chunks;
  std::vector<DamagedRange> damaged;
};

class LogFile {
 public:
  // Creates a file of `size` zero bytes whose space cannot run out; durable when it answers. With
  // `prewrite` the zeros are written, so that the first use need not convert extents. kNoSpace:
  // nothing is left. What a crash or a failed sync interrupts keeps the name it is prepared under,
  // and is removed by the next start.
  static base::Task<base::Result<std::shared_ptr<LogFile>>> create(base::FileSystem& files,
                                                                   std::string directory,
                                                                   LogFileName name, uint64_t size,
                                                                   bool prewrite);
  // Opens a file that is there, for reading. kNotFound.
  static base::Task<base::Result<std::shared_ptr<LogFile>>> open(base::FileSystem& files,
                                                                 std::string directory,
                                                                 LogFileName name);

  // Finds the live chunks. Reads header blocks only, as long as they follow each other.
  // kUnsupported: a chunk of an unknown version.
  base::Task<base::Result<LogFileScan>> scan(LogIdentity identity);

  // Begins a new use under a new name, durably. Nobody reads the file and no live chunk is in it.
  base::Task<base::Status> reuse(LogFileName name);
  base::Task<base::Status> remove();

  // The bytes at `position`, and with `sync` everything before them, are durable when it answers.
  base::Task<base::Status> write(base::Slice chunk, uint64_t position);
  // Exactly `length` bytes. kCorrupt if the file is shorter.
  base::Task<base::Result<base::Slice>> read(uint64_t position, uint64_t length);
  base::Task<base::Status> sync();

  const LogFileName& name() const { return name_; }
  std::string path() const;
  uint64_t size() const { return size_; }

  // Bytes that can still be appended, and taking some of them.
  uint64_t room() const { return size_ - used_; }
  uint64_t take(uint64_t length);

  uint64_t live_chunks = 0;
  uint32_t pins = 0;  // reads and writes under way; a pinned file is neither used again nor removed
  bool appendable = false;  // among the channel's ready files

 private:
  LogFile(base::FileSystem& files, std::string directory, LogFileName name)
      : files_(files), directory_(std::move(directory)), name_(name) {}
  base::Task<base::Status> open_log_handle();
  base::Task<base::Status> prepare(uint64_t size, bool prewrite);
  base::Task<base::Status> write_zeros();

  base::FileSystem& files_;
  std::string directory_;
  LogFileName name_;
  uint64_t size_ = 0;
  uint64_t used_ = 0;
  std::unique_ptr<base::File> log_;   // writes; opened with the first write
  std::unique_ptr<base::File> bulk_;  // everything else
};

// Keeps a file from being used again or removed.
class LogFilePin {
 public:
  explicit LogFilePin(std::shared_ptr<LogFile> file) : file_(std::move(file)) { ++file_->pins; }
  LogFilePin(const LogFilePin&) = delete;
  LogFilePin& operator=(const LogFilePin&) = delete;
  ~LogFilePin() { --file_->pins; }
  LogFile& operator*() const { return *file_; }
  LogFile* operator->() const { return file_.get(); }

 private:
  std::shared_ptr<LogFile> file_;
};

}  // namespace thalweg::chunk
