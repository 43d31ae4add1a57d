#include "streamcore/metadata/log_entry_format.h"

#include <optional>
#include <utility>

#include "streamcore/base/byte_codec.h"
#include "streamcore/metadata/log_objects.h"

namespace thalweg::metadata {

namespace {

constexpr uint32_t kMagic = 0x454C4D54;  // "TMLE"
constexpr uint8_t kVersion = 2;
constexpr size_t kItemBytesMin = sizeof(uint32_t) + sizeof(uint8_t);  // an absent empty key
constexpr size_t kTransactionBytesMin = 2 * sizeof(uint32_t);

template <class Item>
size_t items_bytes(const std::vector<Item>& items) {
  size_t total = sizeof(uint32_t);
  for (const Item& item : items) {
    total += kItemBytesMin + item.key.size();
    if (item.value) total += sizeof(uint32_t) + item.value->size();
  }
  return total;
}

template <class Item>
void put_items(base::ByteWriter& out, const std::vector<Item>& items) {
  out.put(static_cast<uint32_t>(items.size()));
  for (const Item& item : items) {
    out.put_bytes(item.key).put(static_cast<uint8_t>(item.value.has_value()));
    if (item.value) out.put_bytes(*item.value);
  }
}

// False if a flag is neither 0 nor 1; short input shows in in.ok().
template <class Item>
bool get_items(base::ByteReader& in, std::vector<Item>& items) {
  const uint32_t count = in.get_count(kItemBytesMin);
  items.reserve(count);
  for (uint32_t i = 0; i < count && in.ok(); ++i) {
    Item item;
    item.key = in.get_bytes();
    const auto flag = in.get<uint8_t>();
    if (flag > 1) return false;
    if (flag == 1) item.value = std::string(in.get_bytes());
    items.push_back(std::move(item));
  }
  return true;
}

std::unexpected<base::Error> corrupt(std::string_view object, const std::string& what) {
  return base::fail(base::ErrorCode::kCorrupt, std::string(object) + ": " + what);
}

}  // namespace

size_t encoded_bytes(const Transaction& transaction) {
  return items_bytes(transaction.conditions) + items_bytes(transaction.writes);
}

std::string encode_log_entry(const LogEntry& entry, LogPosition slot) {
  base::ByteWriter out;
  out.put(kMagic).put(kVersion).put(slot.value);
  out.put(entry.incarnation.drawn_at).put(entry.incarnation.nonce).put(entry.counter);
  out.put(static_cast<uint32_t>(entry.retired.size()));
  for (const IncarnationId& id : entry.retired) out.put(id.drawn_at).put(id.nonce);
  out.put(static_cast<uint32_t>(entry.transactions.size()));
  for (const Transaction& transaction : entry.transactions) {
    put_items(out, transaction.conditions);
    put_items(out, transaction.writes);
  }
  return std::move(out).seal();
}

base::Result<LogEntry> decode_log_entry(std::string_view bytes, LogPosition slot) {
  const std::string object = object_name(kLogPrefix, slot);
  if (bytes.size() > kLogEntryBytesMax) {
    return corrupt(object, "expected at most " + std::to_string(kLogEntryBytesMax) +
                               " bytes, got " + std::to_string(bytes.size()));
  }
  base::ByteReader in(TRY(base::open_sealed(bytes, object)));
  const auto magic = in.get<uint32_t>();
  if (magic != kMagic) {
    return corrupt(object,
                   "expected magic " + std::to_string(kMagic) + ", got " + std::to_string(magic));
  }
  const auto version = in.get<uint8_t>();
  if (version == 0 || version > kVersion) {
    return base::fail(base::ErrorCode::kUnsupported,
                      object + ": expected version 1 or 2, got " + std::to_string(version));
  }
  const uint64_t stored = version == 1 ? slot.value : in.get<uint64_t>();
  if (stored != slot.value) {
    return corrupt(object, "expected slot " + std::to_string(slot.value) +
                               ", got the entry of slot " + std::to_string(stored));
  }
  LogEntry entry;
  entry.incarnation.drawn_at = in.get<uint64_t>();
  entry.incarnation.nonce = in.get<uint64_t>();
  entry.counter = in.get<uint64_t>();
  const uint32_t retired = in.get_count(2 * sizeof(uint64_t));
  for (uint32_t i = 0; i < retired; ++i) {
    const auto drawn_at = in.get<uint64_t>();
    entry.retired.push_back({drawn_at, in.get<uint64_t>()});
  }
  const uint32_t count = in.get_count(kTransactionBytesMin);
  for (uint32_t i = 0; i < count && in.ok(); ++i) {
    Transaction& transaction = entry.transactions.emplace_back();
    if (!get_items(in, transaction.conditions) || !get_items(in, transaction.writes)) {
      return corrupt(object, "expected a flag of 0 or 1");
    }
  }
  if (!in.at_end() || entry.counter == 0) {
    return corrupt(object, "lengths do not match the content");
  }
  return entry;
}

}  // namespace thalweg::metadata
