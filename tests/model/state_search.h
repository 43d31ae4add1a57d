// StateSearch: visits every state a model can reach, breadth first, so that the first violation
// found has a shortest history.
//
// A model has a State, a first one, a rule that packs a state into words and back (equal words are
// the same state), and its moves. A process of a model that is paused or dead is one that makes no
// move, so every order of moves is also every crash and every pause.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

#include "streamcore/base/check.h"

namespace thalweg::model {

// What a move was, for the history of a violation.
struct Label {
  const char* move = "";
  int actor = 0;
  int slot = 0;
};

template <size_t kWords>
using Packed = std::array<uint64_t, kWords>;

// Puts fields of a few bits into words, or takes them out again.
template <size_t kWords>
class BitWriter {
 public:
  explicit BitWriter(Packed<kWords>& words) : words_(words) {}
  void operator()(const uint8_t& field, int bits) {
    CHECK_EQ(field >> bits, 0);
    const size_t word = at_ / 64;
    const size_t shift = at_ % 64;
    words_[word] |= uint64_t{field} << shift;
    if (shift + static_cast<size_t>(bits) > 64) words_[word + 1] |= uint64_t{field} >> (64 - shift);
    at_ += static_cast<size_t>(bits);
  }

 private:
  Packed<kWords>& words_;
  size_t at_ = 0;
};

template <size_t kWords>
class BitReader {
 public:
  explicit BitReader(const Packed<kWords>& words) : words_(words) {}
  void operator()(uint8_t& field, int bits) {
    const size_t word = at_ / 64;
    const size_t shift = at_ % 64;
    uint64_t value = words_[word] >> shift;
    if (shift + static_cast<size_t>(bits) > 64) value |= words_[word + 1] << (64 - shift);
    field = static_cast<uint8_t>(value & ((uint64_t{1} << bits) - 1));
    at_ += static_cast<size_t>(bits);
  }

 private:
  const Packed<kWords>& words_;
  size_t at_ = 0;
};

// States, each once, numbered as they were added; open addressing over those numbers.
template <size_t kWords>
class StateSet {
 public:
  // False if it was there.
  bool add(const Packed<kWords>& state, uint32_t parent) {
    if ((states_.size() + 1) * 10 > table_.size() * 7) grow();
    uint32_t& place = find(state);
    if (place != 0) return false;
    states_.push_back(state);
    parents_.push_back(parent);
    place = static_cast<uint32_t>(states_.size());
    return true;
  }
  size_t size() const { return states_.size(); }
  const Packed<kWords>& operator[](size_t number) const { return states_[number]; }
  uint32_t parent(size_t number) const { return parents_[number]; }

 private:
  static size_t hash(const Packed<kWords>& state) {
    uint64_t hash = 0x9E3779B97F4A7C15ull;
    for (const uint64_t word : state) {
      hash = (hash ^ word) * 0xBF58476D1CE4E5B9ull;
      hash ^= hash >> 29;
    }
    hash *= 0x94D049BB133111EBull;
    return hash ^ (hash >> 32);
  }
  uint32_t& find(const Packed<kWords>& state) {
    size_t at = hash(state) & (table_.size() - 1);
    while (table_[at] != 0 && states_[table_[at] - 1] != state) at = (at + 1) & (table_.size() - 1);
    return table_[at];
  }
  void grow() {
    table_.assign(table_.size() * 2, 0);
    for (size_t i = 0; i < states_.size(); ++i) find(states_[i]) = static_cast<uint32_t>(i + 1);
  }

  std::vector<Packed<kWords>> states_;
  std::vector<uint32_t> parents_;
  std::vector<uint32_t> table_ = std::vector<uint32_t>(size_t{1} << 16);
};

struct SearchResult {
  std::string violation;  // empty: none in all states there are
  bool complete = true;
  size_t states = 0;
  int depth = 0;
  std::vector<Label> history;  // of the violation
};

// Model: kWords, State, first(), pack(State) (of the state that stands for it and its mirror
// images), unpack(), moves(State, emit) with emit(const State&, Label), and broken(): what the
// moves since the last call violated, or null.
template <class Model>
class StateSearch {
 public:
  StateSearch(Model& model, size_t states_max) : model_(model), states_max_(states_max) {}

  SearchResult run() {
    SearchResult result;
    seen_.add(model_.pack(model_.first()), 0);
    size_t level_end = 1;
    for (size_t at = 0; at < seen_.size(); ++at) {
      if (at == level_end) {
        ++result.depth;
        level_end = seen_.size();
      }
      visit(at, result);
      if (!result.violation.empty()) break;
      if (seen_.size() > states_max_) {
        result.complete = false;
        break;
      }
    }
    result.states = seen_.size();
    return result;
  }

 private:
  void visit(size_t at, SearchResult& result) {
    model_.moves(model_.unpack(seen_[at]), [&](const auto& next, const Label& label) {
      if (!result.violation.empty()) return;
      if (const char* const broken = model_.broken(next)) {
        result.violation = broken;
        result.history = history_to(at);
        result.history.push_back(label);
        return;
      }
      seen_.add(model_.pack(next), static_cast<uint32_t>(at));
    });
  }

  std::vector<Label> history_to(size_t at) {
    std::vector<Label> history;
    for (; at != 0; at = seen_.parent(at)) {
      Label found;
      model_.moves(model_.unpack(seen_[seen_.parent(at)]), [&](const auto& next, const Label& l) {
        if (found.move[0] == '\0' && model_.pack(next) == seen_[at]) found = l;
      });
      history.push_back(found);
    }
    std::ranges::reverse(history);
    return history;
  }

  Model& model_;
  const size_t states_max_;
  StateSet<Model::kWords> seen_;
};

}  // namespace thalweg::model
