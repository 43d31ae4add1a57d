// Encoder: writes a message by visiting its fields(). Included only where messages are
// instantiated.
//
// A message is visited twice: once with an Encoder that only counts, once with one that fills a
// block of exactly that size. Record slices are not copied: they are counted, and noted with their
// place in the block.
#pragma once

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>
#include <vector>

#include "kafka_protocol/wire/codec.h"
#include "streamcore/base/check.h"

namespace thalweg::wire {

class Encoder {
 public:
  // Counts.
  Encoder(int16_t version, bool flexible) : version_(version), flexible_(flexible) {}
  // Fills `out`, which has as many bytes as a counting Encoder found (own_bytes()).
  Encoder(int16_t version, bool flexible, std::byte* out,
          std::vector<EncodedMessage::Splice>* splices)
      : out_(out), splices_(splices), version_(version), flexible_(flexible) {}

  size_t own_bytes() const { return own_bytes_; }
  size_t spliced_bytes() const { return spliced_bytes_; }
  size_t splice_count() const { return splice_count_; }

  // Record slices may be taken out of the message, which is the caller's own and not const: a
  // reference less to count, on two cores, for each batch.
  void give_slices() { gives_slices_ = true; }

  template <Struct T>
  void write_struct(const T& m) {
    PlainFields plain{*this};
    T::fields(m, plain);
    if (flexible_) write_tags(m);
  }

  template <class T>
    requires std::is_arithmetic_v<T>
  void write_number(T value) {
    using Raw = std::conditional_t<
        sizeof(T) == 8, uint64_t,
        std::conditional_t<sizeof(T) == 4, uint32_t,
                           std::conditional_t<sizeof(T) == 2, uint16_t, uint8_t>>>;
    const Raw raw = std::byteswap(std::bit_cast<Raw>(value));
    put(&raw, sizeof(raw));
  }
  void write_varint(uint32_t value);
  // A string as request headers have it: always the old int16 length.
  void write_old_string(std::string_view text);

 private:
  struct PlainFields {
    Encoder& out;
    template <class F, class... Specs>
    void operator()(const F& field, Specs... specs) {
      if constexpr (!kIsTagged<Specs...>) {
        const FieldSpec spec = field_spec(specs...);
        if (spec.versions.contains(out.version_)) {
          out.write(field, spec.nullable.contains(out.version_));
        }
      }
    }
  };
  // Counts the tagged fields that differ from their defaults, or writes them. The default of a
  // field is what the same member of a default-constructed struct holds.
  struct TaggedFields {
    Encoder& out;
    const std::byte* message;
    const std::byte* defaults;
    bool counting;
    uint32_t count = 0;
    int32_t last_tag = -1;
    template <class F, class... Specs>
    void operator()(const F& field, Specs... specs) {
      if constexpr (kIsTagged<Specs...>) {
        const FieldSpec spec = field_spec(specs...);
        if (!spec.versions.contains(out.version_)) return;
        const auto offset = reinterpret_cast<const std::byte*>(&field) - message;
        if (is_default(field, *reinterpret_cast<const F*>(defaults + offset))) return;
        ++count;
        if (counting) return;
        CHECK_LT(last_tag, spec.tag);
        last_tag = spec.tag;
        out.write_tagged(field, spec);
      }
    }
    template <class F>
    static bool is_default(const F& field, const F& standard) {
      if constexpr (kIsArray<F>) {
        return field.empty();
      } else {
        return field == standard;
      }
    }
  };

  template <class T>
  void write_tags(const T& m) {
    static const T kDefaults{};
    TaggedFields tags{*this, reinterpret_cast<const std::byte*>(&m),
                      reinterpret_cast<const std::byte*>(&kDefaults), true};
    T::fields(m, tags);
    write_varint(tags.count);
    if (tags.count == 0) return;
    tags.counting = false;
    T::fields(m, tags);
  }

  template <class F>
  void write_tagged(const F& field, const FieldSpec& spec) {
    const bool may_be_null = spec.nullable.contains(version_);
    Encoder counter(version_, flexible_);
    counter.write(field, may_be_null);
    write_varint(static_cast<uint32_t>(spec.tag));
    write_varint(static_cast<uint32_t>(counter.own_bytes()));
    write(field, may_be_null);
  }

  template <class F>
  void write(const F& field, bool may_be_null) {
    if constexpr (kIsOptional<F>) {
      using Value = typename F::value_type;
      if (field) return write(*field, false);
      write_length<Value>(may_be_null ? -1 : 0);
    } else if constexpr (Struct<F>) {
      write_struct(field);
    } else if constexpr (std::is_enum_v<F>) {
      write_number(std::to_underlying(field));
    } else if constexpr (std::is_arithmetic_v<F>) {
      write_number(field);
    } else if constexpr (std::same_as<F, Uuid>) {
      write_number(field.high);
      write_number(field.low);
    } else if constexpr (std::same_as<F, Records>) {
      write_length<F>(static_cast<int64_t>(field.size_bytes()));
      splice(field);
    } else if constexpr (kIsArray<F>) {
      write_length<F>(static_cast<int64_t>(field.size()));
      for (const auto& element : field) write(element, false);
    } else {
      const size_t size = StringField<F> ? std::min(field.size(), kStringBytesMax) : field.size();
      write_length<F>(static_cast<int64_t>(size));
      put(field.data(), size);
    }
  }

  template <class F>
  void write_length(int64_t length) {
    CHECK_LT(length, int64_t{INT32_MAX});
    if (flexible_) {
      write_varint(static_cast<uint32_t>(length + 1));
    } else if constexpr (StringField<F>) {
      write_number(static_cast<int16_t>(length));
    } else {
      write_number(static_cast<int32_t>(length));
    }
  }

  void put(const void* bytes, size_t size) {
    if (out_ != nullptr && size > 0) std::memcpy(out_ + own_bytes_, bytes, size);
    own_bytes_ += size;
  }
  void splice(const Records& records);

  std::byte* out_ = nullptr;
  std::vector<EncodedMessage::Splice>* splices_ = nullptr;
  size_t own_bytes_ = 0;
  size_t spliced_bytes_ = 0;
  size_t splice_count_ = 0;
  int16_t version_;
  bool flexible_;
  bool gives_slices_ = false;
};

}  // namespace thalweg::wire
