// OffsetsStream: the coordinator's log on the stream of a `__consumer_offsets` partition, a stream
// like any other, in Kafka's record formats. The topic is created with the first record.
#pragma once

#include "kafka_protocol/coordinator/offsets_log.h"
#include "kafka_protocol/topics/topic_registry.h"
#include "streamcore/stream_store.h"

namespace thalweg::coordinator {

class OffsetsStream final : public OffsetsLog {
 public:
  OffsetsStream(base::Executor& executor, base::Clock& clock, StreamStore& store,
                topics::TopicRegistry& topics)
      : executor_(executor), clock_(clock), store_(store), topics_(topics) {}

  base::Task<base::Result<int64_t>> append(std::vector<KeyValueRecord> records) override;
  base::Task<base::Status> replay(ReplaySink sink) override;
  base::Task<base::Status> trim(int64_t offset) override;

 private:
  base::Task<base::Result<topics::TopicRef>> topic();
  static base::Status replay_batch(base::ByteView batch, const ReplaySink& sink);

  base::Executor& executor_;
  base::Clock& clock_;
  StreamStore& store_;
  topics::TopicRegistry& topics_;
};

}  // namespace thalweg::coordinator
