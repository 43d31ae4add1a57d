// RequestCounts: what was asked of one object store, and what it cost on the wire: requests by kind
// and by area, which is the first part of the keys ("c" of "c/0001/..."), so that whoever pays can
// tell the log's from the others'. Every request that was sent counts, whatever came of it.
//
// Written by the store on its executor, and read there. Outlives the store.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace thalweg::object_store {

enum class RequestKind : uint8_t { kPut, kGet, kHead, kList, kDelete };
inline constexpr std::array<std::string_view, 5> kRequestKindNames = {"PUT", "GET", "HEAD", "LIST",
                                                                      "DELETE"};
inline constexpr size_t kRequestKinds = kRequestKindNames.size();

struct RequestCounts {
  struct Kind {
    uint64_t requests = 0;     // all of them; among them:
    uint64_t repetitions = 0;  // after one that failed
    uint64_t hedges = 0;       // beside one that was not answered
    uint64_t sent_bytes = 0;   // of bodies
    uint64_t received_bytes = 0;
  };
  using Area = std::array<Kind, kRequestKinds>;

  static constexpr size_t kAreasMax = 16;
  static constexpr std::string_view kOtherArea = "other";

  Kind& of(std::string_view key, RequestKind kind) {
    std::string_view name = key.substr(0, key.find('/'));
    auto at = areas.find(name);
    if (at == areas.end()) {
      if (name.empty() || areas.size() >= kAreasMax) name = kOtherArea;
      at = areas.try_emplace(std::string(name)).first;
    }
    return at->second[static_cast<size_t>(kind)];
  }

  std::map<std::string, Area, std::less<>> areas;
};

// The stores of a process, by name and by the server they are at.
struct StoreName {
  std::string store;
  std::string endpoint;
  auto operator<=>(const StoreName&) const = default;
};
using RequestMeters = std::map<StoreName, RequestCounts>;

}  // namespace thalweg::object_store
