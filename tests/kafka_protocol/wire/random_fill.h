// random_fill: a random message of some version, by visiting its fields(). And same: whether two
// messages are equal, field by field. Fields that the version lacks are left at their defaults,
// which is what a decoder leaves them at.
#pragma once

#include <algorithm>
#include <deque>
#include <string>

#include "kafka_protocol/wire/primitives.h"
#include "kafka_protocol/wire/version_range.h"
#include "streamcore/base/random.h"

namespace thalweg::wire {

class RandomFill {
 public:
  // Borrowed strings and bytes point into `arena`.
  RandomFill(base::Random& random, int16_t version, std::deque<std::string>& arena)
      : random_(random), version_(version), arena_(arena) {}

  template <class F, class... Specs>
  void operator()(F& field, Specs... specs) {
    const FieldSpec spec = field_spec(specs...);
    if (!spec.versions.contains(version_)) return;
    if (kIsTagged<Specs...> && random_.below(2) == 0) return;
    fill(field, spec.nullable.contains(version_));
  }

 private:
  template <class F>
  void fill(F& field, bool may_be_null) {
    if constexpr (kIsOptional<F>) {
      field.reset();
      if (!may_be_null || random_.below(3) != 0) fill(field.emplace(), false);
    } else if constexpr (Struct<F>) {
      F::fields(field, *this);
    } else if constexpr (std::is_enum_v<F>) {
      field = static_cast<F>(random_.next());
    } else if constexpr (std::same_as<F, bool>) {
      field = random_.below(2) == 1;
    } else if constexpr (std::is_arithmetic_v<F>) {
      field = random_.below(4) == 0 ? static_cast<F>(-1) : static_cast<F>(random_.next());
    } else if constexpr (std::same_as<F, Uuid>) {
      field = {random_.next(), random_.next()};
    } else if constexpr (std::same_as<F, Records>) {
      field = {};
      for (uint64_t n = random_.below(4); n > 0; --n) {
        field.append({base::Buffer(), base::as_bytes(text())});
      }
    } else if constexpr (kIsArray<F>) {
      field.resize(random_.below(4));
      for (auto& element : field) fill(element, false);
    } else if constexpr (StringField<F>) {
      field = F(text());
    } else {
      const ByteView bytes = base::as_bytes(text());
      field = F(bytes.begin(), bytes.end());
    }
  }

  // Mostly short; now and then long enough for a length of two bytes.
  const std::string& text() {
    const uint64_t size = random_.below(8) == 0 ? 120 + random_.below(200) : random_.below(12);
    std::string& bytes = arena_.emplace_back(size, '\0');
    for (char& c : bytes) c = static_cast<char>(random_.next());
    return bytes;
  }

  base::Random& random_;
  int16_t version_;
  std::deque<std::string>& arena_;
};

template <class T>
T random_fill(base::Random& random, int16_t version, std::deque<std::string>& arena) {
  T message;
  RandomFill fill(random, version, arena);
  T::fields(message, fill);
  return message;
}

template <class T>
bool same(const T& a, const T& b);

// Visits the first message and finds the field of the second at the same place.
struct SameFields {
  const std::byte* first;
  const std::byte* second;
  bool all = true;

  template <class F, class... Specs>
  void operator()(const F& field, Specs...) {
    const auto offset = reinterpret_cast<const std::byte*>(&field) - first;
    all = all && same(field, *reinterpret_cast<const F*>(second + offset));
  }
};

inline std::string flat(const Records& records) {
  std::string bytes;
  for (const base::Slice& slice : records.slices()) bytes += base::as_chars(slice.bytes);
  return bytes;
}

template <class T>
bool same(const T& a, const T& b) {
  if constexpr (Struct<T>) {
    SameFields fields{reinterpret_cast<const std::byte*>(&a),
                      reinterpret_cast<const std::byte*>(&b)};
    T::fields(a, fields);
    return fields.all;
  } else if constexpr (kIsOptional<T>) {
    return a.has_value() == b.has_value() && (!a || same(*a, *b));
  } else if constexpr (std::same_as<T, Records>) {
    return flat(a) == flat(b);
  } else if constexpr (std::same_as<T, ByteView> || std::same_as<T, RecordsView>) {
    return base::as_chars(a) == base::as_chars(b);
  } else if constexpr (kIsArray<T>) {
    return std::ranges::equal(a, b, [](const auto& x, const auto& y) { return same(x, y); });
  } else {
    return a == b;
  }
}

}  // namespace thalweg::wire
