// The types a message is made of, beside integers, bool and double:
//
//   string           std::string_view, which borrows from the frame and must not outlive it, or
//                    std::string
//   bytes            base::ByteView, which borrows likewise, or Bytes
//   records          Records when written (no copy), base::ByteView when read
//   array            std::vector of any of them or of a struct with fields()
//   nullable         std::optional of string, bytes, records or array
//   uuid             Uuid
//   error code       KafkaError, an int16
#pragma once

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "streamcore/base/bytes.h"

namespace thalweg::wire {

using base::ByteView;
using Bytes = std::vector<std::byte>;

// A topic id, directory id or the like; the wire has it big-endian. Zero means "none".
struct Uuid {
  uint64_t high = 0;
  uint64_t low = 0;

  constexpr bool is_zero() const { return high == 0 && low == 0; }
  friend constexpr auto operator<=>(const Uuid&, const Uuid&) = default;
};

// The text form of Kafka's tools: 22 characters of URL-safe base64 without padding.
std::string to_string(const Uuid& id);
// The inverse of to_string; nothing if the text is not one.
std::optional<Uuid> parse_uuid(std::string_view text);

// Record bytes that were received; they stay in the frame.
struct RecordsView : ByteView {
  using ByteView::ByteView;
  RecordsView(ByteView bytes) : ByteView(bytes) {}  // NOLINT: a view of the same bytes
};

// Record bytes to be sent as they are, in order, from the buffers that hold them.
class Records {
 public:
  Records() = default;
  explicit Records(base::Slice slice) { append(std::move(slice)); }

  void append(base::Slice slice) {
    bytes_ += slice.bytes.size();
    slices_.push_back(std::move(slice));
  }
  size_t size_bytes() const { return bytes_; }
  const std::vector<base::Slice>& slices() const { return slices_; }

 private:
  std::vector<base::Slice> slices_;
  size_t bytes_ = 0;
};

// How visitors tell the types apart.
struct AnyVisitor {
  void operator()(auto&&...) {}
};
template <class T>
concept Struct = std::is_class_v<T> && requires(T& m, AnyVisitor& v) { T::fields(m, v); };

template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

template <class T>
concept StringField = std::same_as<T, std::string> || std::same_as<T, std::string_view>;
template <class T>
concept BytesField =
    std::same_as<T, Bytes> || std::same_as<T, ByteView> || std::same_as<T, RecordsView>;
template <class T>
inline constexpr bool kIsArray = false;
template <class T>
inline constexpr bool kIsArray<std::vector<T>> = !std::same_as<T, std::byte>;

// "Not asked for" in the authorized_operations fields, which are otherwise a bit set of ACL
// operations (KIP-430).
inline constexpr int32_t kNoAuthorizedOperations = INT32_MIN;

// Lengths of both strings and compact strings are bounded by the protocol.
inline constexpr size_t kStringBytesMax = 32767;

}  // namespace thalweg::wire

template <>
struct std::hash<thalweg::wire::Uuid> {
  size_t operator()(const thalweg::wire::Uuid& id) const {
    return (id.high ^ (id.low >> 1)) * 0x9E3779B97F4A7C15ull;
  }
};
