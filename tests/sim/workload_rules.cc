#include "tests/sim/workload_rules.h"

#include <algorithm>
#include <cstring>

#include "streamcore/base/check.h"
#include "streamcore/base/crc32c.h"

namespace thalweg::sim {

std::string make_payload(StreamId stream, uint64_t operation, size_t size) {
  CHECK_GE(size, kPayloadHeaderBytes);
  std::string payload(size, '\0');
  std::memcpy(payload.data() + 16, &stream.value, 8);
  std::memcpy(payload.data() + 24, &operation, 8);
  uint64_t state = operation * 0x9E3779B97F4A7C15ull + 1;
  for (size_t i = kPayloadHeaderBytes; i < size; i += sizeof(state)) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    const uint64_t bytes = state ^ (state >> 32);
    std::memcpy(payload.data() + i, &bytes, std::min(sizeof(bytes), size - i));
  }
  return payload;
}

uint64_t operation_of(base::ByteView payload) {
  uint64_t operation = 0;
  if (payload.size() >= kPayloadHeaderBytes) std::memcpy(&operation, payload.data() + 24, 8);
  return operation;
}

uint64_t stream_of_payload(base::ByteView payload) {
  uint64_t stream = 0;
  if (payload.size() >= kPayloadHeaderBytes) std::memcpy(&stream, payload.data() + 16, 8);
  return stream;
}

EntryDigest digest_of(base::ByteView payload) {
  CHECK_GE(payload.size(), kPayloadHeaderBytes);
  EntryDigest digest;
  const uint32_t rest[2] = {base::crc32c(payload.subspan(kStampedBytes)),
                            static_cast<uint32_t>(payload.size())};
  std::memcpy(digest.data(), payload.data() + 24, 8);
  std::memcpy(digest.data() + 8, rest, 8);
  return digest;
}

uint64_t operation_of(const EntryDigest& digest) {
  uint64_t operation;
  std::memcpy(&operation, digest.data(), 8);
  return operation;
}

uint64_t chain_hash(uint64_t hash, const DigestedEntry& entry) {
  for (const uint64_t part : {entry.header.base.value, uint64_t{entry.header.length},
                              static_cast<uint64_t>(entry.header.leader_epoch.value),
                              uint64_t{base::crc32c(entry.digest)}}) {
    hash = (hash ^ part) * 0x9E3779B97F4A7C15ull + 1;
  }
  return hash;
}

Annotation parse_annotation(base::ByteView bytes) {
  Annotation annotation;
  if (bytes.empty()) return annotation;
  CHECK_EQ(bytes.size() % 8, 0u);
  annotation.operations.resize(bytes.size() / 8 - 1);
  const size_t ids = annotation.operations.size() * 8;
  if (ids > 0) std::memcpy(annotation.operations.data(), bytes.data(), ids);
  std::memcpy(&annotation.hash, bytes.data() + ids, 8);
  return annotation;
}

void WorkloadRules::stamp(std::byte* payload, Offset base, LeaderEpoch epoch) const {
  std::memcpy(payload, &base.value, 8);
  std::memcpy(payload + 8, &epoch.value, 4);
}

std::string WorkloadRules::fold(base::ByteView previous,
                                std::span<const DigestedEntry> entries) const {
  Annotation annotation = parse_annotation(previous);
  for (const DigestedEntry& entry : entries) {
    annotation.operations.push_back(operation_of(entry.digest));
    annotation.hash = chain_hash(annotation.hash, entry);
  }
  std::string bytes(reinterpret_cast<const char*>(annotation.operations.data()),
                    annotation.operations.size() * 8);
  bytes.append(reinterpret_cast<const char*>(&annotation.hash), 8);
  return bytes;
}

}  // namespace thalweg::sim
