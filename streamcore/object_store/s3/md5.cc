#include "streamcore/object_store/s3/md5.h"

#include <openssl/evp.h>

namespace thalweg::object_store::s3 {

std::optional<Md5> md5(std::string_view text) {
  Md5 digest{};
  unsigned size = digest.size();
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_md5(), nullptr) != 1) {
    return std::nullopt;
  }
  return digest;
}

}  // namespace thalweg::object_store::s3
