// delete_objects: the document that asks for many deletes at once, and what is answered. Pure.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "streamcore/base/result.h"

namespace thalweg::object_store::s3 {

inline constexpr size_t kDeletesMax = 1000;  // of one request

// Only of deletes that failed will be told. Keys need no escapes: they are [A-Za-z0-9._/-].
std::string delete_document(std::string_view key_prefix, std::span<const std::string> keys);
// The value of Content-MD5, which every server wants of these requests; empty if this machine's
// OpenSSL knows no MD5.
std::string content_md5(std::string_view document);

// The keys, without `key_prefix`, that were not deleted, whatever the reason. kUnavailable: it is
// no answer to a delete.
base::Result<std::vector<std::string>> parse_not_deleted(std::string_view xml,
                                                         std::string_view key_prefix);

}  // namespace thalweg::object_store::s3
