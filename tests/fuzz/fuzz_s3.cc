// What S3 servers and metadata services answer, the store's URL, the shared credentials file: once
// as the bytes are, once as a text of the words that matter.
#include <array>
#include <string>

#include "streamcore/base/check.h"
#include "streamcore/object_store/s3/credential_source.h"
#include "streamcore/object_store/s3/credentials_file.h"
#include "streamcore/object_store/s3/list_page.h"
#include "streamcore/object_store/s3/s3_config.h"
#include "streamcore/object_store/s3/sigv4.h"
#include "streamcore/object_store/s3/xml_text.h"
#include "tests/fuzz/fuzz_target.h"

namespace thalweg::fuzz {
namespace {

using namespace object_store::s3;

constexpr auto kWords = std::to_array<std::string_view>({"<IsTruncated>",
                                                         "</IsTruncated>",
                                                         "true",
                                                         "false",
                                                         "<Contents>",
                                                         "</Contents>",
                                                         "<Key>",
                                                         "</Key>",
                                                         "<Size>",
                                                         "</Size>",
                                                         "<Code>",
                                                         "</Code>",
                                                         "&amp;",
                                                         "&#x41;",
                                                         "&#",
                                                         ";",
                                                         "a",
                                                         "b",
                                                         "7",
                                                         "-",
                                                         "18446744073709551616",
                                                         "s3://",
                                                         "bucket",
                                                         "/",
                                                         "?",
                                                         "endpoint=",
                                                         "http://",
                                                         "&",
                                                         "region=",
                                                         "path-style=true",
                                                         "%2F",
                                                         "%",
                                                         "@",
                                                         ":",
                                                         "[default]",
                                                         "[",
                                                         "]",
                                                         "\n",
                                                         "aws_access_key_id=",
                                                         "aws_secret_access_key=",
                                                         "{\"AccessKeyId\":\"",
                                                         "\",\"Expiration\":\"",
                                                         "2015-08-30T12:36:00Z",
                                                         "\",\"SecretAccessKey\":\"x\"}"});

void read(std::string_view text) {
  for (const std::string_view after : {"", "a"}) {
    const auto page = parse_list_page(text, "", after);
    if (!page) continue;
    std::string last(after);
    for (const auto& object : page->objects) {
      CHECK(object.key > last);
      last = object.key;
    }
    CHECK(!page->more || !page->objects.empty());
  }
  CHECK(element_text(text, "Code").size() <= text.size());
  (void)credentials_of_profile(text, "default");
  (void)parse_metadata_credentials(text);
  const auto nothing = [](const char*) { return std::string(); };
  const auto config = parse_s3_url(text, nothing);
  if (config) CHECK(!config->bucket.empty() && !config->host.empty());
  (void)canonical_query({{std::string(text), std::string(text)}});
}

}  // namespace
}  // namespace thalweg::fuzz

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace thalweg;
  fuzz::read(fuzz::text(fuzz::view(data, size)));
  std::string words;
  for (size_t i = 0; i < size; ++i) words += fuzz::kWords[data[i] % fuzz::kWords.size()];
  fuzz::read(words);
  fuzz::read("s3://" + words);
  return 0;
}
