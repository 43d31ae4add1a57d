// MetricsText: a page of metrics in the text format of Prometheus, version 0.0.4, written family by
// family: what a number is, then its samples.
//
// https://prometheus.io/docs/instrumenting/exposition_formats/
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace thalweg::server {

class MetricsText {
 public:
  // The samples that follow are of this family. A counter never goes back while the process lives;
  // a gauge is what it is now.
  void counter(std::string_view name, std::string_view help) { family(name, help, "counter"); }
  void gauge(std::string_view name, std::string_view help) { family(name, help, "gauge"); }
  void sample(std::initializer_list<std::pair<std::string_view, std::string_view>> labels,
              uint64_t value);

  const std::string& text() const { return text_; }

 private:
  void family(std::string_view name, std::string_view help, std::string_view type);

  std::string text_;
  std::string name_;
};

}  // namespace thalweg::server
