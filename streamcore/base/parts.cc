#include "streamcore/base/parts.h"

#include "streamcore/base/crc32c.h"

namespace thalweg::base {

bool Parts::sound() const {
  if (!crc32c) return true;
  uint32_t crc = 0;
  for (const ByteView view : views) crc = base::crc32c(view, crc);
  return crc == *crc32c;
}

}  // namespace thalweg::base
