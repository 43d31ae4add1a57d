#include "streamcore/object_store/s3/delete_objects.h"

#include <openssl/evp.h>

#include <array>
#include <utility>

#include "streamcore/object_store/s3/md5.h"
#include "streamcore/object_store/s3/xml_text.h"

namespace thalweg::object_store::s3 {

std::string delete_document(std::string_view key_prefix, std::span<const std::string> keys) {
  std::string document =
      "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>";
  for (const std::string& key : keys) {
    document.append("<Object><Key>").append(key_prefix).append(key).append("</Key></Object>");
  }
  return document + "</Delete>";
}

std::string content_md5(std::string_view document) {
  const auto digest = md5(document);
  if (!digest) return {};
  std::array<unsigned char, 64> text{};
  const int length = EVP_EncodeBlock(text.data(), digest->data(), static_cast<int>(digest->size()));
  return {reinterpret_cast<const char*>(text.data()), static_cast<size_t>(length)};
}

base::Result<std::vector<std::string>> parse_not_deleted(std::string_view xml,
                                                         std::string_view key_prefix) {
  const auto refused = [] {
    return base::fail(base::ErrorCode::kUnavailable, "the deletes were not answered as such");
  };
  if (!xml.contains("<DeleteResult")) return refused();
  std::vector<std::string> keys;
  while (const auto error = take_element(xml, "Error")) {
    std::string key = element_text(*error, "Key");
    if (key.size() <= key_prefix.size() || !key.starts_with(key_prefix)) return refused();
    keys.push_back(key.substr(key_prefix.size()));
  }
  return keys;
}

}  // namespace thalweg::object_store::s3
