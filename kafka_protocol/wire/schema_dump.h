// What the messages look like, as data: collected by visiting their fields(), printed version by
// version as JSON. The tool wire_schema_dump prints all of them; the test schema_conformance.py
// holds that against Kafka's own definitions.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "kafka_protocol/wire/error_code.h"
#include "kafka_protocol/wire/primitives.h"
#include "kafka_protocol/wire/type_name.h"
#include "kafka_protocol/wire/version_range.h"
#include "streamcore/base/check.h"

namespace thalweg::wire {

struct FieldSchema {
  std::string name;
  // Kafka's word; "struct" for any struct, "[]" before the element's type for an array.
  std::string type;
  // Empty where a default has no short form: structs, arrays, uuids, bytes.
  std::string default_json;
  FieldSpec spec;
  std::vector<FieldSchema> fields;  // of a struct or an array of structs
};

struct MessageSchema {
  std::string name;
  Api api;
  std::vector<FieldSchema> fields;
};

// The JSON object of one message: its name, key, valid and flexible versions, and the fields of
// each valid version.
std::string to_json(const MessageSchema& message);

// Receives what __builtin_dump_struct would print, and keeps the names of the direct members.
class MemberNames {
 public:
  template <class... Args>
  void operator()(const char*, Args&&... args) {
    if constexpr (sizeof...(Args) >= 3) keep(args...);
  }
  std::vector<std::string> names;

 private:
  static constexpr size_t kDirectIndent = 2;

  template <class Indent, class Type, class Name, class... Value>
  void keep(Indent& indent, Type&, Name& name, Value&...) {
    if constexpr (std::is_convertible_v<Indent, std::string_view> &&
                  std::is_convertible_v<Name, std::string_view>) {
      if (std::string_view(indent).size() == kDirectIndent) names.emplace_back(name);
    }
  }
};

// Collects the schema of a struct. C++23 has no names of members: Clang's __builtin_dump_struct
// lists them in the order of declaration, which is the order of the members' addresses.
class SchemaFields {
 public:
  template <Struct T>
  static std::vector<FieldSchema> of() {
    const T example{};
    MemberNames members;
    __builtin_dump_struct(&example, members);
    SchemaFields collected;
    T::fields(example, collected);
    return std::move(collected).named(members.names);
  }

  template <class F, class... Specs>
  void operator()(const F& field, Specs... specs) {
    fields_.push_back({"", type_of<F>(), default_of(field), field_spec(specs...), nested<F>()});
    places_.push_back(reinterpret_cast<const std::byte*>(&field));
  }

 private:
  std::vector<FieldSchema> named(const std::vector<std::string>& names) &&;

  template <class F>
  static std::string type_of() {
    if constexpr (kIsOptional<F>) {
      return type_of<typename F::value_type>();
    } else if constexpr (kIsArray<F>) {
      return "[]" + type_of<typename F::value_type>();
    } else if constexpr (Struct<F>) {
      return "struct";
    } else if constexpr (std::same_as<F, Records> || std::same_as<F, RecordsView>) {
      return "records";
    } else if constexpr (BytesField<F>) {
      return "bytes";
    } else if constexpr (StringField<F>) {
      return "string";
    } else if constexpr (std::same_as<F, Uuid>) {
      return "uuid";
    } else if constexpr (std::same_as<F, bool>) {
      return "bool";
    } else if constexpr (std::is_floating_point_v<F>) {
      return "float64";
    } else {
      static_assert(std::is_integral_v<F> || std::same_as<F, KafkaError>);
      const bool is_signed = std::is_enum_v<F> || std::is_signed_v<F>;
      return (is_signed ? "int" : "uint") + std::to_string(8 * sizeof(F));
    }
  }

  template <class F>
  static std::string default_of(const F& value) {
    if constexpr (kIsOptional<F>) {
      return value ? "" : "null";
    } else if constexpr (StringField<F>) {
      return value.empty() ? "\"\"" : "\"?\"";
    } else if constexpr (std::same_as<F, bool>) {
      return value ? "true" : "false";
    } else if constexpr (std::same_as<F, KafkaError>) {
      return std::to_string(static_cast<int16_t>(value));
    } else if constexpr (std::is_arithmetic_v<F>) {
      return std::to_string(value);
    } else {
      return "";
    }
  }

  template <class F>
  static std::vector<FieldSchema> nested() {
    if constexpr (Struct<F>) {
      return of<F>();
    } else if constexpr (kIsOptional<F> || kIsArray<F>) {
      return nested<typename F::value_type>();
    } else {
      return {};
    }
  }

  std::vector<FieldSchema> fields_;
  std::vector<const std::byte*> places_;
};

template <class T>
MessageSchema message_schema() {
  return {type_name<T>(), T::api, SchemaFields::of<T>()};
}

}  // namespace thalweg::wire
