#include "kafka_protocol/server/receive_buffer.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "streamcore/base/random.h"

namespace thalweg::server {
namespace {

constexpr size_t kFrameBytesMax = 100 << 20;

// Copies as much of `bytes` as one read would take; returns how much.
size_t feed(ReceiveBuffer& buffer, std::string_view bytes) {
  const base::MutableByteView room = buffer.writable();
  const size_t n = std::min(room.size(), bytes.size());
  std::memcpy(room.data(), bytes.data(), n);
  buffer.received(n);
  return n;
}

std::string frame(std::string_view content) {
  const auto n = static_cast<uint32_t>(content.size());
  std::string out{static_cast<char>(n >> 24), static_cast<char>(n >> 16), static_cast<char>(n >> 8),
                  static_cast<char>(n)};
  return out.append(content);
}

TEST(ReceiveBuffer, DoesNotAllocateByTheDeclaredLength) {
  ReceiveBuffer buffer(kFrameBytesMax);
  feed(buffer, std::string_view("\x06\x00\x00\x00", 4));  // 96 MiB
  EXPECT_FALSE(buffer.front_frame());
  EXPECT_FALSE(buffer.bad_length());
  size_t received = 4;
  const std::string bytes(10000, 'x');
  for (int i = 0; i < 1000; ++i) {
    received += feed(buffer, bytes);
    ASSERT_LE(buffer.capacity(), 2 * received + ReceiveBuffer::kFirstBytes);
  }
}

TEST(ReceiveBuffer, HoldsNoMemoryWhenIdle) {
  ReceiveBuffer buffer(kFrameBytesMax);
  EXPECT_EQ(buffer.capacity(), 0u);
  feed(buffer, frame("hello"));
  buffer.release_if_empty();
  EXPECT_EQ(base::as_chars(*buffer.front_frame()), "hello");
  buffer.pop_frame();
  buffer.release_if_empty();
  EXPECT_EQ(buffer.capacity(), 0u);
}

TEST(ReceiveBuffer, AnEmptyFrameIsAFrame) {
  ReceiveBuffer buffer(kFrameBytesMax);
  feed(buffer, frame("") + frame("next"));
  EXPECT_EQ(buffer.front_frame()->size(), 0u);
  buffer.pop_frame();
  EXPECT_EQ(base::as_chars(*buffer.front_frame()), "next");
}

TEST(ReceiveBuffer, NegativeAndOversizedLengthsAreBad) {
  ReceiveBuffer buffer(100);
  feed(buffer, std::string_view("\x00\x00\x00\x64", 4));
  EXPECT_FALSE(buffer.bad_length());
  ReceiveBuffer above(100);
  feed(above, std::string_view("\x00\x00\x00\x65", 4));
  EXPECT_EQ(above.bad_length(), 101);
  ReceiveBuffer negative(100);
  feed(negative, std::string_view("\xff\xff\xff\xfe", 4));
  EXPECT_EQ(negative.bad_length(), -2);
}

TEST(ReceiveBuffer, OnlyProduceMayBeLongerThanOtherRequests) {
  const auto bad = [](std::string_view bytes) {
    ReceiveBuffer buffer(1000, 100);
    feed(buffer, bytes);
    return buffer.bad_length();
  };
  EXPECT_FALSE(bad({"\x00\x00\x00\x65", 4}));  // its API is not known yet
  EXPECT_FALSE(bad({"\x00\x00\x00\x65\x00\x00", 6}));
  EXPECT_EQ(bad({"\x00\x00\x00\x65\x00\x01", 6}), 101);
  EXPECT_FALSE(bad({"\x00\x00\x00\x64\x00\x01", 6}));
  EXPECT_EQ(bad({"\x00\x00\x03\xe9\x00\x00", 6}), 1001);
}

TEST(ReceiveBuffer, ALongFrameAsksForNothingBeyondItsEnd) {
  ReceiveBuffer buffer(kFrameBytesMax);
  const std::string big = frame(std::string(1 << 20, 'b'));
  const std::string stream = big + big + big;
  size_t at = 0;
  for (int i = 0; i < 3; ++i) {
    while (!buffer.front_frame()) at += feed(buffer, std::string_view(stream).substr(at));
    EXPECT_LE(buffer.size(), big.size() + ReceiveBuffer::kFirstBytes);
    buffer.pop_frame();
  }
  EXPECT_EQ(at, stream.size());
}

TEST(ReceiveBuffer, CutsAnyMixOfFramesReadInAnyPortions) {
  base::SeededRandom random(3);
  ReceiveBuffer buffer(kFrameBytesMax);
  std::string stream;
  std::vector<std::string> expected;
  for (int i = 0; i < 500; ++i) {
    const size_t size = random.next() % 10 == 0 ? random.next() % 100000 : random.next() % 200;
    expected.emplace_back(size, static_cast<char>('a' + i % 26));
    stream += frame(expected.back());
  }
  size_t at = 0;
  size_t next = 0;
  while (next < expected.size()) {
    const size_t portion = 1 + random.next() % 20000;
    at += feed(buffer, std::string_view(stream).substr(at, portion));
    while (const auto got = buffer.front_frame()) {
      ASSERT_EQ(base::as_chars(*got), expected[next++]);
      buffer.pop_frame();
    }
  }
  EXPECT_TRUE(buffer.empty());
}

}  // namespace
}  // namespace thalweg::server
