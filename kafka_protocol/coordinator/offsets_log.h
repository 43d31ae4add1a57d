// OffsetsLog: the stream of one partition of `__consumer_offsets` as its coordinator sees it: keys
// and values, appended in order, read back from the start. The coordinator is its only writer.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "kafka_protocol/wire/primitives.h"
#include "streamcore/base/clock.h"
#include "streamcore/base/result.h"
#include "streamcore/base/task.h"

namespace thalweg::coordinator {

// Without a value the key is deleted.
struct KeyValueRecord {
  wire::Bytes key;
  std::optional<wire::Bytes> value;
  base::Timestamp timestamp = -1;
};

// Gets every record in offset order. The views live for the call only.
using ReplaySink = std::function<void(base::ByteView key, std::optional<base::ByteView> value,
                                      base::Timestamp timestamp)>;

class OffsetsLog {
 public:
  virtual ~OffsetsLog() = default;

  // Appends the records in order; durable when it returns, with the offset of the first. Never
  // none. kTooLarge, kNoSpace, kUnavailable, kInvalidArgument: nothing was appended and nothing
  // will be. kFenced, kClosed: another owner took over. Anything else: unknown, the log has to be
  // read again. One append is in flight at a time.
  virtual base::Task<base::Result<int64_t>> append(std::vector<KeyValueRecord> records) = 0;

  // Hands every durable record to `sink`; a batch that cannot be read is reported and passed over:
  // one bad batch must not keep every group from being served. After it returned, nothing that was
  // appended before can still turn up.
  virtual base::Task<base::Status> replay(ReplaySink sink) = 0;

  // Gives up everything below `offset`.
  virtual base::Task<base::Status> trim(int64_t offset) = 0;
};

}  // namespace thalweg::coordinator
