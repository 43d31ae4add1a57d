// xml_text: the texts of elements in the small XML documents S3 answers with. No attributes, no
// namespaces, no nesting of an element in itself. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace thalweg::object_store::s3 {

// What stands between the next <name> and its </name>, which `xml` is then moved behind. Nothing if
// there is no such element, or if it does not end.
std::optional<std::string_view> take_element(std::string_view& xml, std::string_view name);
// The text of the first element of that name, entities resolved; empty if there is none.
std::string element_text(std::string_view xml, std::string_view name);

}  // namespace thalweg::object_store::s3
