#include "tests/model/chunk_log_model.h"

#include <map>
#include <utility>

namespace thalweg::model {

std::optional<ChunkLogPlant> chunk_log_plant(std::string_view name) {
  static const std::map<std::string_view, ChunkLogPlant> names = {
      {"none", ChunkLogPlant::kNone},
      {"drop-one", ChunkLogPlant::kDropOne},
      {"one-answer", ChunkLogPlant::kOneAnswer},
      {"watermark", ChunkLogPlant::kWatermark},
      {"g-not-frozen", ChunkLogPlant::kGNotFrozen},
      {"seals-go", ChunkLogPlant::kSealsGo},
      {"no-cas", ChunkLogPlant::kNoCas},
      {"no-copies", ChunkLogPlant::kNoCopies},
      {"out-of-order", ChunkLogPlant::kOutOfOrder},
      {"emptied-votes", ChunkLogPlant::kEmptiedVotes},
      {"late-ack", ChunkLogPlant::kLateAck},
      {"lease", ChunkLogPlant::kLease}};
  const auto at = names.find(name);
  if (at == names.end()) return std::nullopt;
  return at->second;
}

// --- packing

template <class Visitor>
void ChunkLogModel::visit(Visitor v, auto& state) const {
  for (int i = 0; i < size_.zones; ++i) {
    auto& zone = state.zones[i];
    v(zone.lost, 1);
    for (int k = 0; k < size_.slots; ++k) {
      v(zone.at[k], 2);
      v(zone.known[k], 1);
      v(zone.adopted[k], 1);
    }
  }
  for (int k = 0; k < size_.slots; ++k) {
    v(state.seal_sent[k], 1);
    v(state.watermark[k], 3);
  }
  v(state.next, 3);
  v(state.acked, 3);
  v(state.fenced, 1);
  v(state.row, 2);
  v(state.sealer, 2);
  v(state.g, 3);
  v(state.end, 3);
  for (int i = 0; i < size_.recoveries; ++i) {
    auto& recovery = state.recoveries[i];
    v(recovery.step, 4);
    v(recovery.slot, 3);
    v(recovery.a, 2);
    v(recovery.b, 2);
    v(recovery.at_a, 2);
    v(recovery.at_b, 2);
  }
}

Packed<ChunkLogModel::kWords> ChunkLogModel::pack_plainly(const State& state) const {
  Packed<kWords> words{};
  visit(BitWriter<kWords>(words), state);
  return words;
}

ChunkLogModel::State ChunkLogModel::unpack(const Packed<kWords>& words) const {
  State state;
  visit(BitReader<kWords>(words), state);
  return state;
}

// Without what can never matter again.
ChunkLogModel::State ChunkLogModel::normal(State state) const {
  for (Zone& zone : state.zones) {
    for (int k = 0; k < state.acked; ++k) zone.known[k] = 0;
  }
  for (int k = 0; k < state.g && !is(ChunkLogPlant::kGNotFrozen); ++k) {
    state.seal_sent[k] = state.watermark[k] = 0;
    for (Zone& zone : state.zones) zone.at[k] = zone.adopted[k] = 0;
  }
  for (Recovery& recovery : state.recoveries) {
    if (recovery.step == kDone) recovery = Recovery{.step = kDone};
  }
  return state;
}

ChunkLogModel::State ChunkLogModel::mirrored(const State& state,
                                             const std::array<int, kZonesMax>& places) const {
  State mirror = state;
  for (int i = 0; i < size_.zones; ++i) mirror.zones[places[i]] = state.zones[i];
  for (Recovery& recovery : mirror.recoveries) {
    const bool asks = recovery.step != kStart && recovery.step != kChoose && recovery.step < kClose;
    if (size_.zones == 1 || !asks) continue;
    recovery.a = static_cast<uint8_t>(places[recovery.a]);
    recovery.b = static_cast<uint8_t>(places[recovery.b]);
  }
  return mirror;
}

Packed<ChunkLogModel::kWords> ChunkLogModel::pack(const State& state) const {
  const State plain = normal(state);
  Packed<kWords> least;
  least.fill(UINT64_MAX);
  std::array<int, kZonesMax> places = {0, 1, 2};
  do {
    State mirror = mirrored(plain, places);
    least = std::min(least, pack_plainly(mirror));
    if (size_.recoveries == 2) {
      std::swap(mirror.recoveries[0], mirror.recoveries[1]);
      if (mirror.sealer != 0) mirror.sealer = static_cast<uint8_t>(3 - mirror.sealer);
      least = std::min(least, pack_plainly(mirror));
    }
  } while (size_.zones == 3 && std::ranges::next_permutation(places).found);
  return least;
}

// --- what must hold

int ChunkLogModel::copies(const State& state, int slot) const {
  int copies = 0;
  for (int i = 0; i < size_.zones; ++i) {
    copies += state.zones[i].at[slot] == kChunk || state.zones[i].adopted[slot] != 0 ? 1 : 0;
  }
  return copies;
}

int ChunkLogModel::copies_needed(const State& state) const {
  const bool lost =
      std::ranges::any_of(state.zones, [](const Zone& zone) { return zone.lost != 0; });
  return lost ? 1 : quorum();
}

bool ChunkLogModel::counts(const State& state, int zone) const {
  return is(ChunkLogPlant::kEmptiedVotes) || state.zones[zone].lost == 0;
}

const char* ChunkLogModel::broken(const State& state) {
  if (broken_ != nullptr) return std::exchange(broken_, nullptr);
  if (state.row == kClosed && state.acked > state.end) return "I1: acknowledged beyond the end";
  if (state.row == kClosed) return nullptr;
  for (int k = state.g; k < size_.slots; ++k) {
    const bool seen = std::ranges::any_of(
        state.zones, [&](const Zone& zone) { return zone.at[static_cast<size_t>(k)] == kChunk; });
    for (int j = state.g; seen && j < state.watermark[k]; ++j) {
      if (copies(state, j) < copies_needed(state))
        return "I4: a watermark covers a chunk too few have";
    }
  }
  return nullptr;
}

// --- a recovery's steps

void ChunkLogModel::list(State& state, int number, int zone) const {
  Recovery& mine = state.recoveries[number];
  for (int k = 0; k < size_.slots; ++k) {
    if (state.zones[zone].at[k] == kChunk) mine.slot = std::max(mine.slot, state.watermark[k]);
  }
  if (mine.step == kListA) {
    mine.step = kListB;
    return;
  }
  mine.step = kChoose;
  mine.a = mine.b = 0;
  // A whole wave of SEALs is on its way at once (P10).
  for (int k = mine.slot; k < size_.slots; ++k) state.seal_sent[k] = 1;
}

void ChunkLogModel::seal(State& state, int number) const {
  Recovery& mine = state.recoveries[number];
  uint8_t& at = state.zones[mine.step == kSealA ? mine.a : mine.b].at[mine.slot];
  if (at == kEmpty) at = kSeal;
  if (mine.step == kSealB) {
    mine.at_b = at;
    mine.step = kDecide;
    return;
  }
  mine.at_a = at;
  mine.step = kSealB;
  if (!is(ChunkLogPlant::kOneAnswer)) return;
  mine.at_b = at;
  mine.step = kDecide;
}

void ChunkLogModel::decide(State& state, int number) const {
  Recovery& mine = state.recoveries[number];
  const Recovery said = mine;
  mine = Recovery{.step = kChoose, .slot = said.slot};
  if (!counts(state, said.a) || !counts(state, said.b)) return;  // another pair
  const bool none = said.at_a == kSeal && said.at_b == kSeal;
  if (none || (is(ChunkLogPlant::kDropOne) && said.at_a != said.at_b)) {
    mine.step = kClose;
    return;
  }
  ++mine.slot;
  if (is(ChunkLogPlant::kNoCopies)) return;
  if (said.at_a != kChunk) state.zones[said.a].adopted[said.slot] = 1;
  if (said.at_b != kChunk) state.zones[said.b].adopted[said.slot] = 1;
}

void ChunkLogModel::close(State& state, int number) {
  Recovery& mine = state.recoveries[number];
  mine.step = kDone;
  const bool sealer = state.row == kSealing && state.sealer == number + 1;
  if (!sealer && !is(ChunkLogPlant::kNoCas)) return;
  if (state.row == kClosed && state.end != mine.slot) broken_ = "I3: two ends of one epoch";
  state.row = kClosed;
  state.end = mine.slot;
  for (int k = state.g; k < mine.slot; ++k) {
    if (copies(state, k) < copies_needed(state)) broken_ = "I5: closed over a chunk too few have";
  }
}

}  // namespace thalweg::model
