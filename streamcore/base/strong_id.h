// StrongId<Tag, Rep>: a number that cannot be mistaken for another kind of number. Arithmetic is
// only what positions need: + and - of a plain count, and the distance between two of the same
// kind.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace thalweg::base {

template <class Tag, class Rep = uint64_t>
struct StrongId {
  Rep value = 0;

  constexpr StrongId() = default;
  constexpr explicit StrongId(Rep v) : value(v) {}

  friend constexpr auto operator<=>(StrongId, StrongId) = default;
  friend constexpr StrongId operator+(StrongId a, Rep n) { return StrongId(a.value + n); }
  friend constexpr StrongId operator-(StrongId a, Rep n) { return StrongId(a.value - n); }
  friend constexpr Rep operator-(StrongId a, StrongId b) { return a.value - b.value; }
  constexpr StrongId& operator+=(Rep n) {
    value += n;
    return *this;
  }
  constexpr StrongId& operator++() {
    ++value;
    return *this;
  }
};

}  // namespace thalweg::base

template <class Tag, class Rep>
struct std::hash<thalweg::base::StrongId<Tag, Rep>> {
  // A multiplicative mix: ids are dense, hash tables want spread bits.
  size_t operator()(thalweg::base::StrongId<Tag, Rep> id) const {
    return static_cast<uint64_t>(id.value) * 0x9E3779B97F4A7C15ull;
  }
};
