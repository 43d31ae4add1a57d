// EntryRules: all the log engine asks of the layer above about its payloads, which are opaque here.
//
// All functions are pure: the same arguments always give the same bytes, on any machine.
#pragma once

#include <span>
#include <string>

#include "streamcore/base/bytes.h"
#include "streamcore/entry_digest.h"
#include "streamcore/types.h"

namespace thalweg {

class EntryRules {
 public:
  virtual ~EntryRules() = default;
  // Writes what the log assigned into a payload that was just copied into its chunk.
  virtual void stamp(std::byte* payload, Offset base, LeaderEpoch epoch) const = 0;
  // What fold() needs of a payload, which may be stamped already or not.
  virtual EntryDigest digest(base::ByteView payload) const = 0;
  // The annotation of a range: the layer's state after `previous` (the state before it) and these
  // entries, exactly at the end of the last one. An empty `previous` is the state of an empty
  // stream.
  virtual std::string fold(base::ByteView previous,
                           std::span<const DigestedEntry> entries) const = 0;
};

}  // namespace thalweg
