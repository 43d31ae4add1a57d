// list_page: what ListObjectsV2 answers, as a page of objects. Pure.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "streamcore/base/result.h"
#include "streamcore/object_store/object_store.h"

namespace thalweg::object_store::s3 {

std::optional<uint64_t> parse_number(std::string_view text);

// The objects, without `key_prefix`, which all of them have. kUnavailable: it is no list, or one
// that is not in order after `start_after`, or says that there is more and shows nothing.
base::Result<ListPage> parse_list_page(std::string_view xml, std::string_view key_prefix,
                                       std::string_view start_after);

}  // namespace thalweg::object_store::s3
