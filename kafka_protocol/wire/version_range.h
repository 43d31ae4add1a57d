// What a message's fields() says beside each field: the versions that carry it, where it may be
// null, its tag.
//
// A message is one struct with one `static void fields(auto& m, auto& v)`, which calls `v(m.field,
// specs...)` for each field in wire order. Every visitor (decoder, encoder, schema dump, random
// fill) is driven by that one function. A field without a spec is in every version. The value a
// field has in a default-constructed struct is its default: what a reader sees when the version
// lacks the field, and what a tagged field is not written for.
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

namespace thalweg::wire {

inline constexpr int16_t kLastVersion = std::numeric_limits<int16_t>::max();

// Versions first..last, both included; empty if last < first.
struct VersionRange {
  int16_t first = 0;
  int16_t last = kLastVersion;

  constexpr bool contains(int16_t version) const { return first <= version && version <= last; }
  friend constexpr bool operator==(VersionRange, VersionRange) = default;
};

inline constexpr VersionRange kEveryVersion{};
inline constexpr VersionRange kNoVersion{.first = 0, .last = -1};

constexpr VersionRange since(int16_t first) { return {first, kLastVersion}; }
constexpr VersionRange until(int16_t last) { return {0, last}; }
constexpr VersionRange between(int16_t first, int16_t last) { return {first, last}; }

// The versions in which a field may be null. The field is a std::optional; a null met in another
// version is an error when read, and is written as empty.
struct Nullable {
  VersionRange versions;
};
constexpr Nullable nullable(VersionRange versions = kEveryVersion) { return {versions}; }

// A tagged field (KIP-482): in the struct's tag section, and only when it differs from its default.
struct Tagged {
  int32_t tag;
  VersionRange versions;
};
constexpr Tagged tagged(int32_t tag, VersionRange versions) { return {tag, versions}; }

// All that is said of one field.
struct FieldSpec {
  VersionRange versions = kEveryVersion;
  VersionRange nullable = kNoVersion;
  int32_t tag = -1;  // < 0: not tagged

  constexpr void apply(VersionRange range) { versions = range; }
  constexpr void apply(Nullable n) { nullable = n.versions; }
  constexpr void apply(Tagged t) {
    versions = t.versions;
    tag = t.tag;
  }
};

template <class... Specs>
constexpr FieldSpec field_spec(Specs... specs) {
  FieldSpec spec;
  (spec.apply(specs), ...);
  return spec;
}

template <class... Specs>
inline constexpr bool kIsTagged = (std::is_same_v<Specs, Tagged> || ...);

// Of a message: its API key, the versions we read and write, and the first version with compact
// encodings and tags.
struct Api {
  int16_t key;
  VersionRange valid;
  VersionRange flexible = kNoVersion;
};

}  // namespace thalweg::wire
