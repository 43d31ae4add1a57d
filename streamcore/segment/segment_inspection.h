// Checking a whole segment with nothing but the object: for operators, for repair, for tests.
#pragma once

#include <vector>

#include "streamcore/base/bytes.h"
#include "streamcore/base/result.h"
#include "streamcore/segment/stream_footer_format.h"

namespace thalweg::segment {

// Checks every byte of `object`: the header, the trailer, every footer, the CRC of every block,
// every entry in it and what the footer says about them. Returns the footers in the order of their
// streams. kCorrupt names what and where; kUnsupported is an intact object of another version.
base::Result<std::vector<StreamFooter>> inspect_segment(base::Slice object);

}  // namespace thalweg::segment
