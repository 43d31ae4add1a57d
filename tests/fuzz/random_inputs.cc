// The program around a fuzz target in builds without libFuzzer: the same inputs each time, random
// bytes and files named on the command line, so that every ctest run takes each decoder over some
// ground.
#include <fstream>
#include <iterator>
#include <vector>

#include "streamcore/base/random.h"
#include "tests/fuzz/fuzz_target.h"

namespace {

constexpr int kInputs = 20'000;
constexpr size_t kInputBytesMax = 600;

// Bytes that decoders branch on come more often than chance has it.
uint8_t interesting_byte(thalweg::base::Random& random) {
  static constexpr uint8_t kOften[] = {0, 1, 2, 3, 4, 8, 0x7f, 0x80, 0xff};
  return random.below(2) == 0 ? kOften[random.below(std::size(kOften))]
                              : static_cast<uint8_t>(random.next());
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), {});
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  }
  thalweg::base::SeededRandom random(1);
  for (int i = 0; i < kInputs; ++i) {
    std::vector<uint8_t> bytes(random.below(kInputBytesMax));
    for (uint8_t& byte : bytes) byte = interesting_byte(random);
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  }
}
