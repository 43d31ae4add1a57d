#include "kafka_protocol/server/metrics_text.h"

namespace thalweg::server {

namespace {

std::string quoted(std::string_view value) {
  std::string text = "\"";
  for (const char c : value) {
    if (c == '\\' || c == '"') text += '\\';
    text += c == '\n' ? ' ' : c;
  }
  return text + '"';
}

}  // namespace

void MetricsText::family(std::string_view name, std::string_view help, std::string_view type) {
  name_ = name;
  text_ += "# HELP " + name_ + " " + std::string(help) + "\n";
  text_ += "# TYPE " + name_ + " " + std::string(type) + "\n";
}

void MetricsText::sample(
    std::initializer_list<std::pair<std::string_view, std::string_view>> labels, uint64_t value) {
  text_ += name_;
  char separator = '{';
  for (const auto& [label, content] : labels) {
    text_ += separator + std::string(label) + "=" + quoted(content);
    separator = ',';
  }
  if (separator == ',') text_ += '}';
  text_ += " " + std::to_string(value) + "\n";
}

}  // namespace thalweg::server
