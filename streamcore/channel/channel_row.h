// OwnedChannelRow: the channel's row as this process last wrote it, and the condition every owner
// transaction carries (P6). Only one transaction that touches rows runs at a time: whoever
// holds the RowGate.
#pragma once

#include <string>
#include <utility>

#include "streamcore/base/sync.h"
#include "streamcore/channel/channel_row_format.h"
#include "streamcore/channel/row_keys.h"
#include "streamcore/metadata/metadata_store.h"

namespace thalweg::channel {

class OwnedChannelRow {
 public:
  OwnedChannelRow(ChannelId id, uint64_t nonce) : key_(channel_row_key(id)), nonce_(nonce) {}

  const std::string& key() const { return key_; }
  uint64_t nonce() const { return nonce_; }
  const ChannelRow& row() const { return row_; }
  void set(ChannelRow row) { row_ = std::move(row); }
  // The row still says what this process wrote last.
  metadata::Condition condition() const { return {key_, encode_channel_row(row_)}; }

 private:
  std::string key_;
  uint64_t nonce_;
  ChannelRow row_;
};

// RowGate: one row transaction at a time, first come first served.
class RowGate {
 public:
  explicit RowGate(base::Executor& executor) : turn_(executor, 1) {}
  class Pass {
   public:
    explicit Pass(base::Semaphore& turn) : turn_(&turn) {}
    Pass(Pass&& other) noexcept : turn_(std::exchange(other.turn_, nullptr)) {}
    Pass& operator=(Pass&&) = delete;
    ~Pass() {
      if (turn_ != nullptr) turn_->release(1);
    }

   private:
    base::Semaphore* turn_;
  };
  base::Task<Pass> enter() {
    co_await turn_.acquire(1);
    co_return Pass(turn_);
  }

 private:
  base::Semaphore turn_;
};

}  // namespace thalweg::channel
