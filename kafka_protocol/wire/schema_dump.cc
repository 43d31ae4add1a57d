#include "kafka_protocol/wire/schema_dump.h"

namespace thalweg::wire {
namespace {

std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

std::string fields_json(const std::vector<FieldSchema>& fields, int16_t version);

std::string field_json(const FieldSchema& field, int16_t version) {
  std::string json = "{\"name\":" + quoted(field.name) + ",\"type\":" + quoted(field.type);
  json += ",\"nullable\":";
  json += field.spec.nullable.contains(version) ? "true" : "false";
  json += ",\"tag\":" + (field.spec.tag < 0 ? "null" : std::to_string(field.spec.tag));
  if (!field.default_json.empty()) json += ",\"default\":" + field.default_json;
  if (!field.fields.empty()) json += ",\"fields\":" + fields_json(field.fields, version);
  return json + "}";
}

std::string fields_json(const std::vector<FieldSchema>& fields, int16_t version) {
  std::string json;
  for (const FieldSchema& field : fields) {
    if (!field.spec.versions.contains(version)) continue;
    json += (json.empty() ? "" : ",") + field_json(field, version);
  }
  return "[" + json + "]";
}

}  // namespace

std::string to_json(const MessageSchema& message) {
  const Api& api = message.api;
  std::string versions;
  for (int16_t version = api.valid.first; version <= api.valid.last; ++version) {
    versions += versions.empty() ? "\n  " : ",\n  ";
    versions += quoted(std::to_string(version)) + ":" + fields_json(message.fields, version);
  }
  const bool has_flexible = api.flexible != kNoVersion;
  return "{\"name\":" + quoted(message.name) + ",\"key\":" + std::to_string(api.key) +
         ",\"first\":" + std::to_string(api.valid.first) +
         ",\"last\":" + std::to_string(api.valid.last) +
         ",\"flexible\":" + (has_flexible ? std::to_string(api.flexible.first) : "null") +
         ",\"versions\":{" + versions + "}}";
}

std::vector<FieldSchema> SchemaFields::named(const std::vector<std::string>& names) && {
  CHECK_EQ(names.size(), fields_.size());  // fields() visits every member
  auto order = places_;
  std::ranges::sort(order);
  for (size_t i = 0; i < fields_.size(); ++i) {
    fields_[i].name =
        names[static_cast<size_t>(std::ranges::find(order, places_[i]) - order.begin())];
  }
  return std::move(fields_);
}

}  // namespace thalweg::wire
