#include "kafka_protocol/coordinator/subscription.h"

#include <concepts>
#include <cstdint>

namespace thalweg::coordinator {

namespace {

// A big-endian integer off the front of `in`; false if it is cut off.
template <std::unsigned_integral T>
bool read(base::ByteView& in, T& out) {
  if (in.size() < sizeof(T)) return false;
  out = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    out = static_cast<T>((out << 8) | static_cast<T>(in[i]));
  }
  in = in.subspan(sizeof(T));
  return true;
}

}  // namespace

bool append_subscribed_topics(base::ByteView metadata, std::vector<std::string>& topics) {
  uint16_t version;
  uint32_t count;
  if (!read(metadata, version) || version > INT16_MAX || !read(metadata, count)) return false;
  for (; count > 0; --count) {
    uint16_t length;
    if (!read(metadata, length) || length > metadata.size()) return false;
    topics.emplace_back(base::as_chars(metadata.first(length)));
    metadata = metadata.subspan(length);
  }
  return true;
}

}  // namespace thalweg::coordinator
