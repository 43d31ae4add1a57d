// The persisted formats of the log engine. Their CRCs keep most inputs out; what is looked for is a
// read outside, or an allocation by a count, before the CRC was checked.
#include "streamcore/channel/channel_row_format.h"
#include "streamcore/channel/object_row_format.h"
#include "streamcore/channel/stream_row_format.h"
#include "streamcore/chunk/chunk_format.h"
#include "streamcore/chunk/chunk_object_format.h"
#include "streamcore/chunk/log_file_format.h"
#include "streamcore/chunk/seal_file_format.h"
#include "streamcore/entry_format.h"
#include "streamcore/metadata/counter_row_format.h"
#include "streamcore/metadata/log_entry_format.h"
#include "streamcore/metadata/snapshot_format.h"
#include "streamcore/segment/segment_format.h"
#include "streamcore/segment/segment_row_format.h"
#include "streamcore/segment/stream_footer_format.h"
#include "tests/fuzz/fuzz_target.h"

namespace thalweg::fuzz {
namespace {

base::Slice copied(base::ByteView bytes) {
  base::Buffer buffer = base::Buffer::allocate(bytes.size());
  std::copy(bytes.begin(), bytes.end(), buffer.data());
  return {buffer, base::ByteView(buffer.data(), bytes.size())};
}

void decode_chunk(base::ByteView bytes) {
  (void)chunk::ChunkView::open(copied(bytes));
  (void)decode_entry_header(bytes);
  (void)chunk::decode_live_header(bytes, {});
  (void)chunk::decode_seal_file(bytes, 1, ChannelId(1));
  (void)chunk::decode_log_file_name(text(bytes));
  (void)chunk::decode_channel_name(text(bytes));
  (void)chunk::decode_chunk_object_key(text(bytes));
  if (const auto header = chunk::decode_header(bytes)) (void)chunk::decode_index(*header, bytes);
}

void decode_segment(base::ByteView bytes) {
  (void)segment::decode_segment_header(bytes);
  (void)segment::segment_trailer_bytes(bytes, bytes.size());
  (void)segment::decode_segment_trailer(bytes, 0);
  (void)segment::StreamFooter::open(copied(bytes), 0);
}

void decode_rows(base::ByteView bytes) {
  (void)segment::decode_segment_row(text(bytes));
  (void)channel::decode_channel_row(text(bytes));
  (void)channel::decode_object_row(text(bytes));
  (void)channel::decode_stream_row(text(bytes));
}

void decode_metadata(base::ByteView bytes) {
  (void)metadata::decode_log_entry(text(bytes), metadata::LogPosition(1));
  (void)metadata::decode_counter_row(text(bytes));
  metadata::OrderedState state;
  metadata::SnapshotDecoder decoder(text(bytes), {}, "fuzzed", state);
  for (;;) {
    const auto done = decoder.step(64);
    if (!done.has_value() || *done) break;
  }
}

}  // namespace
}  // namespace thalweg::fuzz

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace thalweg::fuzz;
  auto bytes = view(data, size);
  static constexpr void (*kDecoders[])(thalweg::base::ByteView) = {decode_chunk, decode_segment,
                                                                   decode_rows, decode_metadata};
  const auto chosen = take(bytes, 1) % std::size(kDecoders);
  kDecoders[chosen](bytes);
  return 0;
}
