// DeletedStreams: which streams this process deleted, so that none of them is ever created again by
// who looked it up before. An id is never given out twice, so nothing else has to be remembered,
// and a process that starts has nobody who looked up anything.
//
// Neighbours are kept as one run: there are about as many runs as streams that live between them.
#pragma once

#include <cstddef>
#include <iterator>
#include <map>

#include "streamcore/types.h"

namespace thalweg::channel {

class DeletedStreams {
 public:
  void add(StreamId id) {
    if (contains(id)) return;
    auto run = runs_.emplace(id.value, id.value + 1).first;
    if (const auto next = std::next(run); next != runs_.end() && next->first == run->second) {
      run->second = next->second;
      runs_.erase(next);
    }
    if (run == runs_.begin()) return;
    const auto before = std::prev(run);
    if (before->second != run->first) return;
    before->second = run->second;
    runs_.erase(run);
  }
  bool contains(StreamId id) const {
    const auto after = runs_.upper_bound(id.value);
    return after != runs_.begin() && id.value < std::prev(after)->second;
  }
  size_t runs() const { return runs_.size(); }

 private:
  std::map<uint64_t, uint64_t> runs_;  // first -> end
};

}  // namespace thalweg::channel
