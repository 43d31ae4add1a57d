#include "kafka_protocol/storage/store_metrics.h"

#include <string_view>

namespace thalweg::storage {

namespace {

using object_store::RequestCounts;

struct Family {
  const char* name;
  const char* help;
  uint64_t RequestCounts::Kind::* count;
};

constexpr Family kFamilies[] = {
    {"thalweg_store_requests_total",
     "Requests sent to an object store, hedges and repetitions included.",
     &RequestCounts::Kind::requests},
    {"thalweg_store_repetitions_total", "Of these, sent again after one that failed.",
     &RequestCounts::Kind::repetitions},
    {"thalweg_store_hedges_total", "Of these, sent beside one that was not answered in time.",
     &RequestCounts::Kind::hedges},
    {"thalweg_store_sent_bytes_total", "Bytes of objects sent.", &RequestCounts::Kind::sent_bytes},
    {"thalweg_store_received_bytes_total", "Bytes of objects and lists received.",
     &RequestCounts::Kind::received_bytes},
};

// What the engine keeps under the first part of its keys.
std::string_view purpose_of(std::string_view area) {
  if (area == "c") return "log";
  if (area == "meta") return "metadata";
  return area;  // "segment", "check"
}

}  // namespace

void write_store_metrics(const object_store::RequestMeters& meters, server::MetricsText& text) {
  for (const Family& family : kFamilies) {
    text.counter(family.name, family.help);
    for (const auto& [name, counts] : meters) {
      for (const auto& [area, kinds] : counts.areas) {
        for (size_t kind = 0; kind < kinds.size(); ++kind) {
          text.sample({{"store", name.store},
                       {"endpoint", name.endpoint},
                       {"purpose", purpose_of(area)},
                       {"kind", object_store::kRequestKindNames[kind]}},
                      kinds[kind].*family.count);
        }
      }
    }
  }
}

}  // namespace thalweg::storage
