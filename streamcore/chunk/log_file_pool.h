// LogFilePool: the log files of a channel that hold no live chunk, or have room for more. Owned by
// ChannelLog.
//
// *Ready* files have room; a chunk goes to the first that has enough, and a file leaves them when
// it is as good as full. A file without live chunks that is not ready is *spare*: it is used again
// under a new name, or removed if there are enough of its kind. One file at a time is made ready,
// by make_ready() or in the background.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "streamcore/base/executor.h"
#include "streamcore/base/file_system.h"
#include "streamcore/base/result.h"
#include "streamcore/base/sync.h"
#include "streamcore/base/task.h"
#include "streamcore/base/task_group.h"
#include "streamcore/chunk/log_file.h"

namespace thalweg::chunk {

struct LocalReplicaOptions {
  // A store may be created where there is none. Not for a cluster whose metadata names an
  // incarnation (P8).
  bool create_if_empty = true;
  uint64_t file_bytes = 64 << 20;  // multiple of 4096
  // Chunks up to this length never need a make_ready() of their own; at most half of file_bytes. As
  // much may be left unused at the end of a file.
  uint64_t usual_chunk_bytes = 8 << 20;
  uint32_t spare_files_max = 8;  // per channel, kept for the next use
  // Prepared in the background beside the file being filled; with zeros, if `prewrite`, so that
  // their first use costs no more than the next.
  uint32_t ready_files_ahead = 1;
  bool prewrite = true;
  uint32_t scans_max = 4;  // files read at once at the start
};

class LogFilePool {
 public:
  using FilePtr = std::shared_ptr<LogFile>;

  LogFilePool(base::FileSystem& files, base::Executor& executor, const LocalReplicaOptions& options,
              std::string directory);

  // A file that was there at the start. Numbers below its own are not given out again.
  void note_number(uint64_t number);
  // Where new uses begin: everything below was removed.
  void set_floor(ChunkPosition floor) { floor_ = floor; }

  uint64_t ready_bytes(uint64_t longest) const;
  base::Task<base::Status> make_ready(uint64_t bytes);

  struct Place {
    FilePtr file;  // none if no ready file has room
    uint64_t position = 0;
  };
  // A place for a chunk of this length; it counts as a live chunk of the file from now on.
  Place take_room(uint64_t length);

  // Keeps the file for another use if no live chunk is left in it; otherwise does nothing.
  void retire_if_empty(const FilePtr& file);
  // Removes spare files beyond the bound, and those of odd sizes.
  base::Task<base::Status> trim_spares();

  base::Task<void> stop_and_join() { return background_.stop_and_join(); }

 private:
  FilePtr file_with_room(uint64_t length) const;
  base::Task<base::Status> make_ready_alone(uint64_t bytes);
  base::Task<base::Status> prepare_file(uint64_t size, bool prewrite);
  FilePtr take_spare();
  void prepare_ahead();
  base::Task<void> prepare_in_background();

  base::FileSystem& files_;
  const LocalReplicaOptions& options_;
  std::string directory_;
  ChunkPosition floor_;
  std::deque<FilePtr> ready_;
  std::deque<FilePtr> spare_;
  uint64_t next_number_ = 1;
  bool preparing_ahead_ = false;
  base::Semaphore prepare_turn_;
  base::TaskGroup background_;  // last: its frames use everything above
};

}  // namespace thalweg::chunk
