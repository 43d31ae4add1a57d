// Decoder: reads a message from a frame by visiting its fields(). Included only where messages are
// instantiated.
//
// Errors stick: after the first one everything reads as zero and empty, and the error names the
// place. Before an array is allocated its count is checked against the remaining bytes and the
// least an element can take, and all arrays together against kDecodedBytesMax.
#pragma once

#include <bit>
#include <cstring>
#include <string>
#include <utility>

#include "kafka_protocol/wire/primitives.h"
#include "kafka_protocol/wire/version_range.h"
#include "streamcore/base/result.h"

namespace thalweg::wire {

// What the arrays of one message may take in memory: an element of two bytes may become a struct of
// forty. A fetch of half a million partitions fits.
inline constexpr size_t kDecodedBytesMax = 32 << 20;

// The least number of bytes a struct's fields take in a version; bounds array counts.
class LeastSize {
 public:
  LeastSize(int16_t version, bool flexible)
      : bytes_(flexible ? 1 : 0), version_(version), flexible_(flexible) {}

  template <class F, class... Specs>
  void operator()(const F&, Specs... specs) {
    if (!kIsTagged<Specs...> && field_spec(specs...).versions.contains(version_)) {
      bytes_ += of<F>(version_, flexible_);
    }
  }

  template <class F>
  static size_t of(int16_t version, bool flexible) {
    if constexpr (Struct<F>) {
      static const F kExample{};
      LeastSize least(version, flexible);
      F::fields(kExample, least);
      return least.bytes_ == 0 ? 1 : least.bytes_;
    } else if constexpr (kIsOptional<F>) {
      return of<typename F::value_type>(version, flexible);
    } else if constexpr (StringField<F>) {
      return flexible ? 1 : 2;
    } else if constexpr (BytesField<F> || kIsArray<F> || std::same_as<F, Records>) {
      return flexible ? 1 : 4;
    } else {
      static_assert(std::is_arithmetic_v<F> || std::is_enum_v<F> || std::same_as<F, Uuid>);
      return sizeof(F);
    }
  }

 private:
  size_t bytes_;
  int16_t version_;
  bool flexible_;
};

class Decoder {
 public:
  Decoder(ByteView bytes, int16_t version, bool flexible)
      : begin_(bytes.data()), rest_(bytes), version_(version), flexible_(flexible) {}

  bool ok() const { return error_.empty(); }
  // Where reading stopped and why; empty if ok().
  const std::string& error() const { return error_; }
  ByteView rest() const { return rest_; }

  template <Struct T>
  void read_struct(T& m) {
    PlainFields plain{*this};
    T::fields(m, plain);
    if (flexible_) read_tags(m);
  }

  template <class T>
    requires std::is_arithmetic_v<T>
  T read_number() {
    using Raw = std::conditional_t<
        sizeof(T) == 8, uint64_t,
        std::conditional_t<sizeof(T) == 4, uint32_t,
                           std::conditional_t<sizeof(T) == 2, uint16_t, uint8_t>>>;
    Raw raw = 0;
    const ByteView bytes = take(sizeof(T));
    if (bytes.empty()) return T{};
    std::memcpy(&raw, bytes.data(), sizeof(T));
    if constexpr (std::same_as<T, bool>) {
      return raw != 0;
    } else {
      return std::bit_cast<T>(std::byteswap(raw));
    }
  }
  uint32_t read_varint();
  // A string as request headers have it: always the old int16 length, -1 for null.
  std::optional<std::string_view> read_old_string();
  void skip_tags();

 private:
  struct PlainFields {
    Decoder& in;
    template <class F, class... Specs>
    void operator()(F& field, Specs... specs) {
      if constexpr (!kIsTagged<Specs...>) {
        const FieldSpec spec = field_spec(specs...);
        if (spec.versions.contains(in.version_)) {
          in.read(field, spec.nullable.contains(in.version_));
        }
      }
    }
  };
  struct TaggedField {
    Decoder& in;
    int64_t tag;
    bool found = false;
    template <class F, class... Specs>
    void operator()(F& field, Specs... specs) {
      if constexpr (kIsTagged<Specs...>) {
        const FieldSpec spec = field_spec(specs...);
        if (spec.tag != tag || !spec.versions.contains(in.version_)) return;
        found = true;
        in.read(field, spec.nullable.contains(in.version_));
      }
    }
  };

  template <class F>
  void read(F& field, bool may_be_null) {
    if constexpr (kIsOptional<F>) {
      const int64_t length = read_length<typename F::value_type>();
      if (length >= 0) {
        read_sized(field.emplace(), static_cast<size_t>(length));
      } else {
        if (!may_be_null) fail("null where this version has none");
        field.reset();
      }
    } else if constexpr (Struct<F>) {
      read_struct(field);
    } else if constexpr (std::is_enum_v<F>) {
      field = static_cast<F>(read_number<std::underlying_type_t<F>>());
    } else if constexpr (std::is_arithmetic_v<F>) {
      field = read_number<F>();
    } else if constexpr (std::same_as<F, Uuid>) {
      field.high = read_number<uint64_t>();
      field.low = read_number<uint64_t>();
    } else {
      const int64_t length = read_length<F>();
      if (length < 0) fail("null where none is allowed");
      read_sized(field, length < 0 ? 0 : static_cast<size_t>(length));
    }
  }

  // The length of a string, bytes or array; -1 for null.
  template <class F>
  int64_t read_length() {
    if (flexible_) return static_cast<int64_t>(read_varint()) - 1;
    const int64_t length =
        StringField<F> ? int64_t{read_number<int16_t>()} : int64_t{read_number<int32_t>()};
    if (length < -1) fail("negative length");
    return length < -1 ? 0 : length;
  }

  template <class F>
  void read_sized(F& field, size_t length) {
    if constexpr (kIsArray<F>) {
      using Element = typename F::value_type;
      if (length > rest_.size() / LeastSize::of<Element>(version_, flexible_)) {
        fail("array of " + std::to_string(length) + " does not fit");
        length = 0;
      }
      if (length * sizeof(Element) > kDecodedBytesMax - decoded_bytes_) {
        fail("array of " + std::to_string(length) + " takes too much memory");
        length = 0;
      }
      decoded_bytes_ += length * sizeof(Element);
      field.clear();
      field.resize(length);
      for (Element& element : field) {
        if (!ok()) break;
        read(element, false);
      }
    } else {
      if (StringField<F> && length > kStringBytesMax) fail("string too long");
      const ByteView bytes = take(length);
      if constexpr (std::same_as<F, Records>) {
        field = Records(base::Slice{{}, bytes});
      } else if constexpr (StringField<F>) {
        field = F(base::as_chars(bytes));
      } else {
        field = F(bytes.begin(), bytes.end());
      }
    }
  }

  template <class T>
  void read_tags(T& m) {
    const uint32_t count = read_varint();
    for (uint32_t i = 0; i < count && ok(); ++i) {
      const uint32_t tag = read_varint();
      const uint32_t size = read_varint();
      if (size > rest_.size()) return fail("tag " + std::to_string(tag) + " does not fit");
      const ByteView after = rest_.subspan(size);
      rest_ = rest_.first(size);
      TaggedField field{*this, tag};
      T::fields(m, field);
      if (field.found && !rest_.empty()) fail("tag " + std::to_string(tag) + " is too long");
      if (ok()) rest_ = after;
    }
  }

  // The next `size` bytes; empty, with an error, if there are fewer.
  ByteView take(size_t size);
  void fail(std::string_view why);

  const std::byte* begin_;
  ByteView rest_;
  int16_t version_;
  bool flexible_;
  size_t decoded_bytes_ = 0;  // of arrays
  std::string error_;
};

}  // namespace thalweg::wire
