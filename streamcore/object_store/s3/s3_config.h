// S3Config: which bucket, where, and who asks, from a URL and the variables AWS's tools use.
//
//   s3://BUCKET[/PREFIX][?endpoint=URL][&region=NAME][&path-style=true|false][&ca-bundle=FILE]
//
// What the URL leaves out comes from AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AWS_REGION,
// AWS_DEFAULT_REGION and AWS_CA_BUNDLE. Credentials never stand in the URL, which people show
// around.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "streamcore/base/result.h"
#include "streamcore/object_store/s3/credentials.h"

namespace thalweg::object_store::s3 {

// Where credentials come from: the first that there is.
struct CredentialsConfig {
  std::optional<Credentials> fixed;  // from the environment or the shared file
  std::string container_url;         // of a container's credentials; empty = none
  Secret container_token;
  std::string container_token_file;  // read at each refresh
  std::string metadata_url;          // of the instance metadata service; empty = not to be asked
  std::string searched;              // in words, for the message when there are none
};

struct S3Config {
  std::string bucket;
  std::string prefix;  // of every key, ends with '/' unless it is empty
  std::string scheme;  // "http" or "https"
  std::string host;    // as the Host header says it: with the port unless it is the scheme's
  std::string region;
  bool path_style = false;  // the bucket in the path, not in the host's name
  std::string ca_file;
  CredentialsConfig credentials;

  std::string name() const { return "s3://" + bucket + "/" + prefix; }
  std::string endpoint() const { return scheme + "://" + host; }
};

// The value of a variable, empty if there is none.
using Environment = std::function<std::string(const char* name)>;
std::string process_environment(const char* name);

// kInvalidArgument names what is wrong, and never a value that may be secret. Reads the shared
// credentials file.
base::Result<S3Config> parse_s3_url(std::string_view url, const Environment& environment);

}  // namespace thalweg::object_store::s3
