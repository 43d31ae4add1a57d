// The max timestamps of produced batches, corrected where they cannot be right.
//
// sarama before 2025 sends batches whose max timestamp is -1: to retention and to a search by time
// they would be older than everything. Kafka computes it from the records of every batch; here that
// is done only for a batch whose largest timestamp is before its first.
#pragma once

#include <list>

#include "kafka_protocol/wire/messages/produce.h"
#include "streamcore/base/executor.h"
#include "streamcore/base/task.h"

namespace thalweg::handlers {

bool has_wrong_timestamps(const wire::ProduceRequest& request);

// Replaces those batches by corrected ones, which are put into `copies`. A batch whose records
// cannot be read gets its first timestamp; one whose CRC was wrong keeps a wrong one. Runs on
// `executor`, where it yields.
base::Task<void> correct_timestamps(base::Executor& executor, wire::ProduceRequest& request,
                                    std::list<wire::Bytes>& copies);

}  // namespace thalweg::handlers
