// model_check: visits every state of a model and says whether one violates what must hold.
//
//   model_check chunk_log ZONES SLOTS WINDOW RECOVERIES [PLANT]
//
// Exit: 0 none does, 1 one does (with the shortest history that leads there), 2 misuse, 3 there
// are more states than are looked at.
#include <charconv>
#include <iostream>
#include <string_view>
#include <vector>

#include "tests/model/chunk_log_model.h"

namespace thalweg::model {
namespace {

constexpr size_t kStatesMax = 60'000'000;  // some 2 GB

template <class Model>
int check(Model& model, std::string_view title) {
  const SearchResult found = StateSearch<Model>(model, kStatesMax).run();
  std::cout << title << ": ";
  if (found.violation.empty()) {
    std::cout << (found.complete ? "holds" : "not finished") << ", " << found.states
              << " states, depth " << found.depth << std::endl;
    return found.complete ? 0 : 3;
  }
  std::cout << "VIOLATED, " << found.violation << ", " << found.states << " states" << std::endl;
  for (const Label& label : found.history) {
    std::cout << "  " << label.move << " " << label.actor << ", slot " << label.slot << std::endl;
  }
  return 1;
}

int misuse() {
  std::cerr << "usage: model_check chunk_log ZONES SLOTS WINDOW RECOVERIES [PLANT]\n";
  return 2;
}

int check_chunk_log(const std::vector<std::string_view>& words) {
  std::vector<int> numbers;
  for (size_t i = 0; i < std::min<size_t>(words.size(), 4); ++i) {
    int number = 0;
    std::from_chars(words[i].data(), words[i].data() + words[i].size(), number);
    numbers.push_back(number);
  }
  const auto plant = chunk_log_plant(words.size() == 5 ? words[4] : "none");
  const bool right = numbers.size() == 4 && words.size() <= 5 && plant.has_value() &&
                     (numbers[0] == 1 || numbers[0] == 3) && numbers[1] >= 1 &&
                     numbers[1] <= ChunkLogModel::kSlotsMax && numbers[2] >= 1 && numbers[3] >= 1 &&
                     numbers[3] <= ChunkLogModel::kRecoveriesMax;
  if (!right) return misuse();
  ChunkLogModel model({numbers[0], numbers[1], numbers[2], numbers[3]}, *plant);
  return check(model, "chunk_log");
}

int main(int argc, char** argv) {
  const std::vector<std::string_view> words(argv + 1, argv + argc);
  if (words.empty() || words[0] != "chunk_log") return misuse();
  return check_chunk_log({words.begin() + 1, words.end()});
}

}  // namespace
}  // namespace thalweg::model

int main(int argc, char** argv) { return thalweg::model::main(argc, argv); }
