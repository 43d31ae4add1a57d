#include "streamcore/object_store/s3/s3_config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <utility>

#include "streamcore/object_store/object_key.h"
#include "streamcore/object_store/s3/credentials_file.h"

namespace thalweg::object_store::s3 {

using base::ErrorCode;

namespace {

constexpr std::string_view kScheme = "s3://";
constexpr std::string_view kParameters = "endpoint, region, path-style, ca-bundle";
constexpr std::string_view kContainerHost = "http://169.254.170.2";
constexpr std::string_view kMetadataUrl = "http://169.254.169.254";

base::Error invalid(std::string_view what) {
  return {ErrorCode::kInvalidArgument, "s3 URL: " + std::string(what)};
}

// The values of the URL's parameters.
struct Parameters {
  std::string endpoint, region, path_style, ca_bundle;

  std::string* find(std::string_view name) {
    if (name == "endpoint") return &endpoint;
    if (name == "region") return &region;
    if (name == "path-style") return &path_style;
    return name == "ca-bundle" ? &ca_bundle : nullptr;
  }
};

base::Result<std::string> percent_decode(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    unsigned byte = 0;
    const std::string_view digits = text.substr(i + 1, 2);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (error != std::errc() || end != digits.data() + 2) {
      return std::unexpected(invalid("a % without two hexadecimal digits behind it"));
    }
    decoded += static_cast<char>(byte);
    i += 2;
  }
  return decoded;
}

base::Result<Parameters> parse_parameters(std::string_view text) {
  Parameters parameters;
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(one.size() + 1, text.size()));
    const size_t separator = std::min(one.find('='), one.size());
    const std::string_view name = one.substr(0, separator);
    std::string* value = parameters.find(name);
    if (value == nullptr) {
      return std::unexpected(invalid("unknown parameter '" + std::string(name) + "'; there are " +
                                     std::string(kParameters)));
    }
    *value = TRY(percent_decode(one.substr(std::min(separator + 1, one.size()))));
    if (value->empty()) {
      return std::unexpected(invalid("parameter '" + std::string(name) + "' has no value"));
    }
  }
  return parameters;
}

bool is_bucket_name(std::string_view name) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyz0123456789.-";
  return name.size() >= 3 && name.size() <= 63 &&
         name.find_first_not_of(kAllowed) == std::string_view::npos && name.front() != '.' &&
         name.front() != '-';
}

base::Status set_place(S3Config& config, std::string_view place) {
  if (place.contains('@')) {
    return std::unexpected(invalid("credentials do not belong here; see AWS_ACCESS_KEY_ID"));
  }
  config.bucket = place.substr(0, place.find('/'));
  if (!is_bucket_name(config.bucket)) {
    return std::unexpected(invalid("'" + config.bucket + "' is not the name of a bucket"));
  }
  place.remove_prefix(std::min(config.bucket.size() + 1, place.size()));
  while (place.ends_with('/')) place.remove_suffix(1);
  if (place.empty()) return {};
  if (!check_key(place)) {
    return std::unexpected(invalid("the prefix '" + std::string(place) +
                                   "' is not made of [A-Za-z0-9._-] between single slashes"));
  }
  config.prefix = std::string(place) + "/";
  return {};
}

base::Status set_endpoint(S3Config& config, std::string_view endpoint) {
  const std::string_view whole = endpoint;
  config.scheme = endpoint.substr(0, endpoint.find("://"));
  if (config.scheme != "http" && config.scheme != "https") {
    return std::unexpected(invalid("the endpoint '" + std::string(whole) +
                                   "' does not begin with http:// or https://"));
  }
  endpoint.remove_prefix(config.scheme.size() + 3);
  while (endpoint.ends_with('/')) endpoint.remove_suffix(1);
  if (endpoint.empty() || endpoint.find_first_of("/?#@ ") != std::string_view::npos) {
    return std::unexpected(invalid("the endpoint is not SCHEME://HOST[:PORT]"));
  }
  const std::string_view usual_port = config.scheme == "http" ? ":80" : ":443";
  if (endpoint.ends_with(usual_port)) endpoint.remove_suffix(usual_port.size());
  config.host = endpoint;
  return {};
}

std::string first_of(const Environment& environment, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (std::string value = environment(name); !value.empty()) return value;
  }
  return {};
}

base::Status set_service(S3Config& config, const Parameters& parameters,
                         const Environment& environment) {
  config.ca_file =
      parameters.ca_bundle.empty() ? environment("AWS_CA_BUNDLE") : parameters.ca_bundle;
  config.region = parameters.region.empty()
                      ? first_of(environment, {"AWS_REGION", "AWS_DEFAULT_REGION"})
                      : parameters.region;
  const std::string endpoint =
      parameters.endpoint.empty()
          ? first_of(environment, {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"})
          : parameters.endpoint;
  const bool of_aws = endpoint.empty();
  if (config.region.empty() && of_aws) {
    return std::unexpected(invalid("no region: add ?region=NAME or set AWS_REGION"));
  }
  if (config.region.empty()) config.region = "us-east-1";  // what other servers call themselves
  TRY(set_endpoint(config, of_aws ? "https://s3." + config.region + ".amazonaws.com" : endpoint));
  if (!parameters.path_style.empty() && parameters.path_style != "true" &&
      parameters.path_style != "false") {
    return std::unexpected(invalid("path-style is true or false"));
  }
  // Certificates of the form *.s3.REGION.amazonaws.com do not cover a bucket with a dot.
  config.path_style = parameters.path_style.empty() ? !of_aws || config.bucket.contains('.')
                                                    : parameters.path_style == "true";
  if (!config.path_style) config.host = config.bucket + "." + config.host;
  return {};
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  return text.str();
}

std::optional<Credentials> from_environment(const Environment& environment) {
  Credentials found{.access_key_id = environment("AWS_ACCESS_KEY_ID"),
                    .secret_access_key = Secret(environment("AWS_SECRET_ACCESS_KEY")),
                    .session_token = Secret(environment("AWS_SESSION_TOKEN"))};
  if (found.access_key_id.empty() || found.secret_access_key.empty()) return std::nullopt;
  return found;
}

CredentialsConfig credentials_config(const Environment& environment) {
  CredentialsConfig config;
  config.fixed = from_environment(environment);
  std::string file = environment("AWS_SHARED_CREDENTIALS_FILE");
  if (file.empty()) file = environment("HOME") + "/.aws/credentials";
  std::string profile = environment("AWS_PROFILE");
  if (profile.empty()) profile = "default";
  if (!config.fixed) config.fixed = credentials_of_profile(read_file(file), profile);
  config.container_url = environment("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (const auto path = environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"); !path.empty()) {
    config.container_url = std::string(kContainerHost) + path;
  }
  config.container_token = Secret(environment("AWS_CONTAINER_AUTHORIZATION_TOKEN"));
  config.container_token_file = environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  if (environment("AWS_EC2_METADATA_DISABLED") != "true") {
    config.metadata_url = environment("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    if (config.metadata_url.empty()) config.metadata_url = kMetadataUrl;
    while (config.metadata_url.ends_with('/')) config.metadata_url.pop_back();
  }
  config.searched = "AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY, profile '" + profile + "' of " +
                    file + ", the container's and the instance's metadata";
  return config;
}

}  // namespace

std::string process_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

base::Result<S3Config> parse_s3_url(std::string_view url, const Environment& environment) {
  if (!url.starts_with(kScheme)) return std::unexpected(invalid("it does not begin with s3://"));
  url.remove_prefix(kScheme.size());
  const std::string_view place = url.substr(0, url.find('?'));
  url.remove_prefix(std::min(place.size() + 1, url.size()));
  S3Config config;
  TRY(set_place(config, place));
  TRY(set_service(config, TRY(parse_parameters(url)), environment));
  config.credentials = credentials_config(environment);
  return config;
}

}  // namespace thalweg::object_store::s3
