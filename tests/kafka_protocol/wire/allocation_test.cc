// Counts allocations: how many an encoded response takes, and how much hostile bytes can make a
// decoder take.

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "kafka_protocol/wire/codec.h"
#include "kafka_protocol/wire/decoder.h"
#include "kafka_protocol/wire/messages/all.h"
#include "kafka_protocol/wire/type_name.h"
#include "tests/kafka_protocol/wire/random_fill.h"

namespace {
size_t allocations = 0;
size_t allocated_bytes = 0;
}  // namespace

void* operator new(size_t size) {
  ++allocations;
  allocated_bytes += size;
  if (void* block = std::malloc(size)) return block;
  std::abort();
}
void* operator new[](size_t size) { return operator new(size); }
void operator delete(void* block) noexcept { std::free(block); }
void operator delete[](void* block) noexcept { std::free(block); }
void operator delete(void* block, size_t) noexcept { std::free(block); }
void operator delete[](void* block, size_t) noexcept { std::free(block); }

namespace thalweg::wire {
namespace {

// What a byte of input may cost at most: an empty string in an array is one byte of input and an
// object of ours. The slack is for the error's text.
constexpr size_t kBytesPerInputByte = 64;
constexpr size_t kSlackBytes = 1024;

template <class T>
void check_cost(const Bytes& input, int16_t version) {
  allocated_bytes = 0;
  {
    const auto decoded = decode<T>(input, version);
  }
  ASSERT_LE(allocated_bytes, kBytesPerInputByte * input.size() + kSlackBytes)
      << type_name<T>() << " v" << version;
}

// Random bytes changed, and every place in turn made the largest count.
template <class T>
void check_hostile(base::Random& random, int16_t version) {
  std::deque<std::string> arena;
  const Bytes bytes = encode(random_fill<T>(random, version, arena), version).flatten();
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (const std::string_view count : {"\x7f\xff\xff\xff", "\xff\xff\xff\xff\x0f", "\xff\x7f"}) {
      Bytes hostile = bytes;
      const size_t size = std::min(count.size(), hostile.size() - at);
      std::memcpy(hostile.data() + at, count.data(), size);
      check_cost<T>(hostile, version);
    }
    Bytes mutated = bytes;
    mutated[at] = static_cast<std::byte>(random.next());
    mutated[random.below(mutated.size())] ^= static_cast<std::byte>(1u << random.below(8));
    check_cost<T>(mutated, version);
  }
}

template <class T>
void check_all_hostile() {
  base::SeededRandom random(22);
  for (int16_t version = T::api.valid.first; version <= T::api.valid.last; ++version) {
    check_hostile<T>(random, version);
  }
}

#define HOSTILE_TEST(Name)                                 \
  TEST(HostileBytes, Name##AllocatesLittleMoreThanInput) { \
    check_all_hostile<Name##Request>();                    \
    check_all_hostile<Name##Response>();                   \
  }
THALWEG_WIRE_APIS(HOSTILE_TEST)

TEST(HostileBytes, ArrayOfEmptyStringsCostsABoundedMultiple) {
  // 64 KiB of topics, each a null name and no tags: the densest array there is.
  constexpr size_t kTopics = 3000;
  Bytes body(3 + kTopics * 18 + 3);
  body[0] = std::byte{0xb9};  // kTopics + 1 as a varint
  body[1] = std::byte{0x17};
  body.erase(body.begin() + 2);
  ASSERT_EQ(decode<MetadataRequest>(body, 12)->topics->size(), kTopics);
  check_cost<MetadataRequest>(body, 12);
  Bytes strings(4096 + 16, std::byte{1});
  strings[0] = std::byte{0x81};  // 4096 + 1 groups, each an empty string
  strings[1] = std::byte{0x20};
  ASSERT_EQ(decode<DescribeGroupsRequest>(strings, 5)->groups.size(), 4096u);
  check_cost<DescribeGroupsRequest>(strings, 5);
}

TEST(HostileBytes, ArraysOfOneMessageTakeABoundedAmountOfMemory) {
  constexpr size_t kTopics = 1'000'000;  // each an empty string, of two bytes
  Bytes body(4 + 2 * kTopics);
  body[1] = std::byte{0x0f};
  body[2] = std::byte{0x42};
  body[3] = std::byte{0x40};
  allocated_bytes = 0;
  EXPECT_EQ(decode<MetadataRequest>(body, 0).error().code, base::ErrorCode::kCorrupt);
  EXPECT_LT(allocated_bytes, kDecodedBytesMax);
}

ProduceResponse produce_response() {
  ProduceResponse response;
  response.responses.resize(2);
  for (auto& topic : response.responses) {
    topic.name = "a topic with a name that is long enough";
    topic.partition_responses.resize(10);
  }
  return response;
}

TEST(Allocations, ProduceResponseIsOneAllocation) {
  const ProduceResponse response = produce_response();
  for (int16_t version = 3; version <= 13; ++version) {
    (void)encode_response(response, version, 1);  // what is made once in a process
    ProduceResponse own = response;
    allocations = 0;
    const base::Result<EncodedMessage> encoded = encode_response(std::move(own), version, 1);
    EXPECT_EQ(allocations, 1u) << version;
    EXPECT_EQ(encoded->parts().size(), 1u);
  }
}

TEST(Allocations, FetchResponseIsTwoWhateverItsRecords) {
  const base::Buffer buffer = base::Buffer::allocate(1 << 20);
  FetchResponse response;
  response.responses.resize(1);
  response.responses[0].partitions.resize(5);
  for (auto& partition : response.responses[0].partitions) {
    partition.records->append({buffer, ByteView(buffer.data(), 1 << 20)});
  }
  (void)encode_response(response, 13, 1);
  allocations = 0;
  allocated_bytes = 0;
  const base::Result<EncodedMessage> encoded = encode_response(std::move(response), 13, 1);
  EXPECT_EQ(allocations, 2u);
  EXPECT_LT(allocated_bytes, 1000u);
  EXPECT_GT(encoded->size_bytes(), 5u << 20);
}

}  // namespace
}  // namespace thalweg::wire
