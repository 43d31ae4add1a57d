// ChunkLogModel: one epoch of the chunk log as a state machine: an owner that may be a zombie for
// ever, requests that land arbitrarily late or never, recoveries that race each other, removal of
// chunks, and a zone that loses everything. The same protocol as chunk_log.pml, with zones and
// recoveries that are mirror images of each other counted once.
//
// What must hold (I1..I5 as in README.md) is checked in every state.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "tests/model/state_search.h"

namespace thalweg::model {

enum class ChunkLogPlant : uint8_t {
  kNone,
  kDropOne,       // a chunk that one zone has is not adopted
  kOneAnswer,     // a slot is decided by one answer
  kWatermark,     // a chunk's watermark covers what is merely written
  kGNotFrozen,    // the free-watermark moves while the epoch is SEALING
  kSealsGo,       // SEALs of a closed epoch are removed
  kNoCas,         // CLOSED is written by who is the sealer no more
  kNoCopies,      // an adopted chunk is not copied to a quorum before CLOSED
  kOutOfOrder,    // an ack does not wait for the chunks before
  kEmptiedVotes,  // a zone that lost everything goes on, and nobody knows
  kLateAck,       // that zone is known, but the owner acks without its lease
  kLease,         // no bug: such a zone is known, and the owner acks under its lease only
};

std::optional<ChunkLogPlant> chunk_log_plant(std::string_view name);

class ChunkLogModel {
 public:
  static constexpr size_t kWords = 2;
  static constexpr int kZonesMax = 3;
  static constexpr int kSlotsMax = 4;
  static constexpr int kRecoveriesMax = 2;

  struct Size {
    int zones = 3;
    int slots = 2;
    int window = 2;
    int recoveries = 1;
  };
  enum Register : uint8_t { kEmpty, kChunk, kSeal };
  enum Row : uint8_t { kOpen, kSealing, kClosed };
  enum Step : uint8_t { kStart, kListA, kListB, kChoose, kSealA, kSealB, kDecide, kClose, kDone };

  struct Recovery {
    uint8_t step = kStart;
    uint8_t slot = 0;
    uint8_t a = 0;  // the zones it asks
    uint8_t b = 0;
    uint8_t at_a = 0;  // what they answered
    uint8_t at_b = 0;
  };
  struct Zone {
    uint8_t lost = 0;
    std::array<uint8_t, kSlotsMax> at{};       // the register
    std::array<uint8_t, kSlotsMax> known{};    // the owner was told that its chunk is there
    std::array<uint8_t, kSlotsMax> adopted{};  // a copy by a recovery
  };
  struct State {
    std::array<Zone, kZonesMax> zones{};
    std::array<uint8_t, kSlotsMax> seal_sent{};
    std::array<uint8_t, kSlotsMax> watermark{};  // of the chunk of this slot
    uint8_t next = 0;                            // the owner's next slot
    uint8_t acked = 0;                           // all below
    uint8_t fenced = 0;
    uint8_t row = kOpen;
    uint8_t sealer = 0;  // the recovery, from 1
    uint8_t g = 0;       // chunks below are offloaded
    uint8_t end = 7;
    std::array<Recovery, kRecoveriesMax> recoveries{};
  };

  ChunkLogModel(Size size, ChunkLogPlant plant) : size_(size), plant_(plant) {}

  State first() const { return {}; }
  Packed<kWords> pack(const State& state) const;
  State unpack(const Packed<kWords>& words) const;
  const char* broken(const State& state);

  template <class Emit>
  void moves(const State& state, Emit emit) {
    owner_moves(state, emit);
    for (int zone = 0; zone < size_.zones; ++zone) {
      for (int slot = 0; slot < size_.slots; ++slot) network_moves(state, zone, slot, emit);
      lose_zone(state, zone, emit);
    }
    for (int number = 0; number < size_.recoveries; ++number) recover(state, number, emit);
  }

 private:
  bool is(ChunkLogPlant plant) const { return plant_ == plant; }
  bool loses_zone() const { return plant_ >= ChunkLogPlant::kEmptiedVotes; }
  int quorum() const { return size_.zones / 2 + 1; }
  int copies(const State& state, int slot) const;
  // That must hold what is durable: a zone that is lost takes its copies with it.
  int copies_needed(const State& state) const;
  bool counts(const State& state, int zone) const;
  State normal(State state) const;
  State mirrored(const State& state, const std::array<int, kZonesMax>& places) const;
  Packed<kWords> pack_plainly(const State& state) const;
  template <class Visitor>
  void visit(Visitor visitor, auto& state) const;

  template <class Emit>
  void owner_moves(const State& state, Emit emit);
  template <class Emit>
  void network_moves(const State& state, int zone, int slot, Emit emit);
  template <class Emit>
  void lose_zone(const State& state, int zone, Emit emit);
  template <class Emit>
  void recover(const State& state, int number, Emit emit);
  // Each pair of zones that it may ask next.
  template <class Emit>
  void choose_zones(const State& state, int number, Step step, Emit emit, Label label);
  void list(State& state, int number, int zone) const;
  void seal(State& state, int number) const;
  void decide(State& state, int number) const;
  void close(State& state, int number);

  const Size size_;
  const ChunkLogPlant plant_;
  const char* broken_ = nullptr;  // by the move itself
};

// --- moves

template <class Emit>
void ChunkLogModel::owner_moves(const State& state, Emit emit) {
  if (state.fenced == 0 && state.next < size_.slots && state.next - state.acked < size_.window) {
    State next = state;
    next.watermark[state.next] = is(ChunkLogPlant::kWatermark) ? state.next : state.acked;
    ++next.next;
    emit(next, Label{"the owner sends a chunk", 0, state.next});
  }
  for (int slot = state.acked; slot < state.next; ++slot) {
    for (int zone = 0; zone < size_.zones; ++zone) {
      const Zone& found = state.zones[zone];
      if (found.at[slot] == kChunk && found.known[slot] == 0) {
        State next = state;
        next.zones[zone].known[slot] = 1;
        emit(next, Label{"the owner learns of its chunk in zone", zone, slot});
      }
      if (found.at[slot] == kSeal && state.fenced == 0) {
        State next = state;
        next.fenced = 1;
        emit(next, Label{"the owner meets a SEAL in zone", zone, slot});
      }
    }
  }
  const int last =
      is(ChunkLogPlant::kOutOfOrder) ? state.next : std::min<int>(state.acked + 1, state.next);
  for (int slot = state.acked; slot < last; ++slot) {
    int copies = 0;
    for (int zone = 0; zone < size_.zones; ++zone) copies += state.zones[zone].known[slot];
    if (copies < quorum() || (is(ChunkLogPlant::kLease) && state.row != kOpen)) continue;
    State next = state;
    next.acked = static_cast<uint8_t>(slot + 1);
    emit(next, Label{"the owner acknowledges", 0, slot});
  }
  const bool may_free = is(ChunkLogPlant::kGNotFrozen) ? state.row != kClosed : state.row == kOpen;
  if (may_free && state.g < state.acked) {
    State next = state;
    ++next.g;
    emit(next, Label{"an offload commits", 0, state.g});
  }
}

template <class Emit>
void ChunkLogModel::network_moves(const State& state, int zone, int slot, Emit emit) {
  const Zone& found = state.zones[zone];
  const auto with = [&](Register value, const char* move) {
    State next = state;
    next.zones[zone].at[slot] = value;
    if (found.at[slot] == kSeal) next.seal_sent[slot] = 0;
    emit(next, Label{move, zone, slot});
  };
  if (slot < state.next && found.at[slot] == kEmpty) with(kChunk, "a chunk lands in zone");
  if (state.seal_sent[slot] != 0 && found.at[slot] == kEmpty) with(kSeal, "a SEAL lands in zone");
  if (slot >= state.g && state.row != kClosed) return;
  if (found.at[slot] == kChunk) with(kEmpty, "a chunk is removed from zone");
  if (is(ChunkLogPlant::kSealsGo) && state.row == kClosed && found.at[slot] == kSeal) {
    with(kEmpty, "a SEAL is removed from zone");
  }
  if (found.adopted[slot] != 0) {
    State next = state;
    next.zones[zone].adopted[slot] = 0;
    emit(next, Label{"an adopted copy is removed from zone", zone, slot});
  }
}

template <class Emit>
void ChunkLogModel::lose_zone(const State& state, int zone, Emit emit) {
  if (!loses_zone() || state.row == kClosed || copies_needed(state) < quorum()) return;
  for (int other = 0; other < size_.zones; ++other) {
    if (state.zones[other].lost != 0) return;
  }
  State next = state;
  next.zones[zone] = Zone{.lost = 1, .at = {}, .known = state.zones[zone].known, .adopted = {}};
  emit(next, Label{"everything is lost in zone", zone, 0});
}

template <class Emit>
void ChunkLogModel::choose_zones(const State& state, int number, Step step, Emit emit,
                                 Label label) {
  for (int a = 0; a < size_.zones; ++a) {
    for (int b = 0; b < size_.zones; ++b) {
      if ((size_.zones > 1 && a == b) || !counts(state, a) || !counts(state, b)) continue;
      State next = state;
      next.recoveries[number].step = step;
      next.recoveries[number].a = static_cast<uint8_t>(a);
      next.recoveries[number].b = static_cast<uint8_t>(b);
      emit(next, label);
    }
  }
}

template <class Emit>
void ChunkLogModel::recover(const State& state, int number, Emit emit) {
  State next = state;
  Recovery& mine = next.recoveries[number];
  switch (mine.step) {
    case kStart:
      if (state.row == kClosed) {
        mine.step = kDone;
        return emit(next, Label{"recovery finds it closed", number, 0});
      }
      next.row = kSealing;
      next.sealer = static_cast<uint8_t>(number + 1);
      mine.slot = state.g;
      return choose_zones(next, number, kListA, emit, Label{"recovery: SEALING", number, 0});
    case kListA:
    case kListB:
      list(next, number, mine.step == kListA ? mine.a : mine.b);
      return emit(next, Label{"recovery lists", number, mine.slot});
    case kChoose:
      if (mine.slot == size_.slots) {
        mine.step = kClose;
        return emit(next, Label{"recovery is at the last slot", number, mine.slot});
      }
      return choose_zones(next, number, kSealA, emit, Label{"recovery asks", number, mine.slot});
    case kSealA:
    case kSealB: seal(next, number); return emit(next, Label{"recovery seals", number, mine.slot});
    case kDecide:
      decide(next, number);
      return emit(next, Label{"recovery decides", number, state.recoveries[number].slot});
    case kClose:
      close(next, number);
      return emit(next, Label{"recovery closes", number, mine.slot});
    default: return;
  }
}

}  // namespace thalweg::model
