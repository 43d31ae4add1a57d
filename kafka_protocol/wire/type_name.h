// type_name<T>(): the unqualified name of a message, for error texts and the schema dump.
#pragma once

#include <string>
#include <string_view>

namespace thalweg::wire {

template <class T>
std::string type_name() {
  std::string_view text = __PRETTY_FUNCTION__;  // ... [T = thalweg::wire::Name]
  text.remove_suffix(1);
  return std::string(text.substr(text.find_last_of(": ") + 1));
}

}  // namespace thalweg::wire
