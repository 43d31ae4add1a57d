#include "streamcore/object_store/local_object_store.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "streamcore/base/log.h"
#include "streamcore/object_store/object_key.h"

namespace thalweg::object_store {

using base::ByteView;
using base::ErrorCode;
using base::fail;
using base::Result;
using base::Slice;
using base::Status;
using base::Task;

namespace {

constexpr char kObjectMark = '@';
constexpr std::string_view kObjects = "objects";
constexpr std::string_view kTemporary = "tmp/";

std::string object_path(const std::string& key) {
  return std::string(kObjects) + "/" + key + kObjectMark;
}

// `key_prefix` is empty or ends with '/'.
std::string directory_path(std::string_view key_prefix) {
  std::string path = std::string(kObjects) + "/" + std::string(key_prefix);
  path.pop_back();
  return path;
}

std::string directory_of(const std::string& key) {
  return directory_path(std::string_view(key).substr(0, key.rfind('/') + 1));
}

// Metadata is written on a full disk too; segments never take the space kept for it.
base::Purpose purpose_of(const std::string& key) {
  return key.starts_with("meta/") ? base::Purpose::kUpkeep : base::Purpose::kData;
}

std::string slot_lock_path(unsigned slot) {
  return std::string(kTemporary) + std::to_string(slot) + ".lock";
}

// The slot a file in tmp/ was written from; kProcessesMax if it is no temporary object.
unsigned slot_of(const std::string& name) {
  unsigned slot = kProcessesMax;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), slot);
  const bool temporary = error == std::errc() && end != name.data() + name.size() && *end == '-';
  return temporary && slot < kProcessesMax ? slot : kProcessesMax;
}

std::string hexadecimal(uint64_t n) {
  char text[16];
  const auto result = std::to_chars(text, text + sizeof(text), n, 16);
  return std::string(text, result.ptr);
}

struct Slot {
  unsigned number;
  std::unique_ptr<base::FileLock> lock;
};

Result<Slot> take_slot(base::FileSystem& files) {
  for (unsigned slot = 0; slot < kProcessesMax; ++slot) {
    auto lock = files.lock(slot_lock_path(slot));
    if (lock) return Slot{slot, std::move(*lock)};
    if (lock.error().code != ErrorCode::kAlreadyExists) return std::unexpected(lock.error());
  }
  return fail(ErrorCode::kUnavailable, "too many processes use this object directory");
}

// Removes the temporary objects of slots nobody holds, and of our own.
Task<Status> remove_leftovers(base::FileSystem& files, unsigned own_slot) {
  const auto names = CO_TRY(co_await files.list("tmp"));
  for (unsigned slot = 0; slot < kProcessesMax; ++slot) {
    const auto in_slot = [slot](const std::string& name) { return slot_of(name) == slot; };
    if (std::ranges::none_of(names, in_slot)) continue;
    std::unique_ptr<base::FileLock> lock;
    if (slot != own_slot) {
      auto taken = files.lock(slot_lock_path(slot));
      if (!taken) continue;  // its process lives
      lock = std::move(*taken);
    }
    for (const std::string& name : names) {
      if (!in_slot(name)) continue;
      const Status removed = co_await files.remove(std::string(kTemporary) + name);
      if (!removed && removed.error().code != ErrorCode::kNotFound) co_return removed;
    }
  }
  co_return Status();
}

Task<Status> sync_tree(base::FileSystem& files, std::string root) {
  std::vector<std::string> pending{std::move(root)};
  while (!pending.empty()) {
    const std::string directory = std::move(pending.back());
    pending.pop_back();
    CO_TRY(co_await files.sync_directory(directory));
    const auto entries = CO_TRY(co_await files.scan(directory));
    for (const base::DirectoryEntry& entry : entries) {
      if (entry.is_directory) pending.push_back(directory + "/" + entry.name);
    }
  }
  co_return Status();
}

base::Error unknown(const base::Error& cause) {
  return {ErrorCode::kUnknownOutcome, cause.message};
}

// What a failure before the link means: nothing was created, but only a full disk and damaged parts
// are told apart.
std::unexpected<base::Error> not_created(const base::Error& cause) {
  const bool told = cause.code == ErrorCode::kNoSpace || cause.code == ErrorCode::kCorrupt;
  if (told) return std::unexpected(cause);
  return std::unexpected(unknown(cause));
}

std::unexpected<base::Error> ended() {
  return fail(ErrorCode::kClosed, "the object store ended: a directory could not be synced");
}

std::unexpected<base::Error> read_failed(const base::Error& cause) {
  if (cause.code == ErrorCode::kNotFound || cause.code == ErrorCode::kClosed) {
    return std::unexpected(cause);
  }
  return fail(ErrorCode::kUnavailable, cause.message);
}

}  // namespace

// A key noted as unsynced. It stays noted if its directory could not be synced.
class LocalObjectStore::Unsynced {
 public:
  Unsynced(LocalObjectStore& store, const std::string& key)
      : store_(store), noted_(store.unsynced_.insert(key)) {}
  Unsynced(const Unsynced&) = delete;
  Unsynced& operator=(const Unsynced&) = delete;
  ~Unsynced() {
    if (!store_.sync_failed_) store_.unsynced_.erase(noted_);
  }

 private:
  LocalObjectStore& store_;
  std::multiset<std::string>::iterator noted_;
};

// One file's share of kFilesInUseMax, given back at the end.
class LocalObjectStore::FilesInUse {
 public:
  explicit FilesInUse(base::Semaphore& files) : files_(files) {}
  FilesInUse(const FilesInUse&) = delete;
  FilesInUse& operator=(const FilesInUse&) = delete;
  ~FilesInUse() { files_.release(1); }

 private:
  base::Semaphore& files_;
};

struct LocalObjectStore::Listing {
  std::string prefix;
  std::string start_after;
  ListPage page;

  bool wants_key(const std::string& key) const {
    return key.starts_with(prefix) && key > start_after;
  }
  // Whether keys that start with `below` (a directory's, ending with '/') can be on the page.
  bool wants_below(const std::string& below) const {
    const bool in_prefix = below.starts_with(prefix) || prefix.starts_with(below);
    const bool passed = start_after > below && !start_after.starts_with(below);
    return in_prefix && !passed;
  }
};

LocalObjectStore::LocalObjectStore(base::FileSystem& files, base::Executor& executor,
                                   std::string temporary_prefix,
                                   std::unique_ptr<base::FileLock> slot)
    : files_(files),
      temporary_prefix_(std::move(temporary_prefix)),
      slot_(std::move(slot)),
      files_in_use_(executor, kFilesInUseMax),
      read_blocks_(base::BufferPool::create(kReadBlockBytes, kReadBlocksIdleMax)) {}

Task<Result<std::unique_ptr<LocalObjectStore>>> LocalObjectStore::open(base::FileSystem& files,
                                                                       base::Executor& executor,
                                                                       base::Random& random) {
  CO_TRY(co_await files.make_directories("tmp"));
  CO_TRY(co_await files.make_directories(std::string(kObjects)));
  Slot slot = CO_TRY(take_slot(files));
  CO_TRY(co_await remove_leftovers(files, slot.number));
  CO_TRY(co_await sync_tree(files, std::string(kObjects)));
  std::string prefix = std::string(kTemporary) + std::to_string(slot.number) + "-" +
                       hexadecimal(random.next()) + "-";
  co_return std::unique_ptr<LocalObjectStore>(
      new LocalObjectStore(files, executor, std::move(prefix), std::move(slot.lock)));
}

Task<Result<PutOutcome>> LocalObjectStore::put_if_absent(std::string key, base::Parts parts) {
  CO_TRY(check_key(key));
  if (sync_failed_) co_return ended();
  co_await files_in_use_.acquire(1);
  const FilesInUse in_use(files_in_use_);
  const std::string temporary = temporary_prefix_ + std::to_string(counter_++);
  const Status written = co_await write_temporary(temporary, purpose_of(key), std::move(parts));
  Result<PutOutcome> outcome = PutOutcome::kCreated;
  if (written) {
    outcome = co_await publish(temporary, std::move(key));
  } else {
    outcome = not_created(written.error());
  }
  // What cannot be removed now is removed at the next open; the outcome stands.
  (void)co_await files_.remove(temporary);
  co_return outcome;
}

Task<Status> LocalObjectStore::write_temporary(std::string path, base::Purpose purpose,
                                               base::Parts parts) {
  const auto file = CO_TRY(co_await files_.open(path, {.create = true,
                                                       .exclusive = true,
                                                       .direct = true,
                                                       .lane = base::IoLane::kBulk,
                                                       .purpose = purpose}));
  co_return co_await file->write_at(std::move(parts), 0, /*sync=*/true);
}

Task<Result<PutOutcome>> LocalObjectStore::publish(std::string temporary, std::string key) {
  const std::string directory = directory_of(key);
  const Status known = co_await know_directory(directory);
  if (!known) co_return not_created(known.error());
  const Unsynced unsynced(*this, key);
  const Status linked = co_await files_.link(std::move(temporary), object_path(key));
  const bool exists = !linked && linked.error().code == ErrorCode::kAlreadyExists;
  if (!linked && !exists) co_return not_created(linked.error());
  // Also where the object exists already: whoever linked it may not have come this far.
  const Status synced = co_await sync_names(directory);
  if (!synced) co_return std::unexpected(unknown(synced.error()));
  co_return exists ? PutOutcome::kExists : PutOutcome::kCreated;
}

Task<Status> LocalObjectStore::know_directory(std::string directory) {
  if (known_directories_.contains(directory)) co_return Status();
  CO_TRY(co_await files_.make_directories(directory));
  if (known_directories_.size() >= kKnownDirectoriesMax) known_directories_.clear();
  known_directories_.insert(std::move(directory));
  co_return Status();
}

Task<Status> LocalObjectStore::sync_names(std::string directory) {
  const Status synced = co_await files_.sync_directory(std::move(directory));
  if (!synced && !std::exchange(sync_failed_, true)) {
    base::log_error("object store ended: a directory could not be synced: " +
                    synced.error().message);
  }
  if (sync_failed_) co_return ended();
  co_return Status();
}

Task<Result<std::unique_ptr<base::File>>> LocalObjectStore::open_object(std::string key,
                                                                        bool direct) {
  CO_TRY(check_key(key));
  auto file = co_await files_.open(object_path(key), {.direct = direct});
  if (!file) co_return read_failed(file.error());
  if (unsynced_.contains(key)) {
    const Status synced = co_await sync_names(directory_of(key));
    if (!synced) co_return read_failed(synced.error());
  }
  co_return std::move(*file);
}

base::Buffer LocalObjectStore::read_buffer(uint64_t length) {
  const bool usual = length >= kReadBlockUsedMin && length <= kReadBlockBytes;
  return usual ? read_blocks_->take() : base::Buffer::allocate(length);
}

Task<Result<Slice>> LocalObjectStore::get(std::string key, std::optional<ByteRange> range) {
  co_await files_in_use_.acquire(1);
  const FilesInUse in_use(files_in_use_);
  const bool direct = range && range->length >= kDirectReadBytesMin;
  const auto file = CO_TRY(co_await open_object(key, direct));
  const auto size = file->size();
  if (!size) co_return read_failed(size.error());
  const ByteRange wanted = range.value_or(ByteRange{0, *size});
  if (wanted.offset > *size || wanted.length > *size - wanted.offset) {
    co_return fail(ErrorCode::kOutOfRange, key + " is shorter than the range asked for");
  }
  if (wanted.length > kWholeObjectBytesMax) co_return fail(ErrorCode::kTooLarge, key);
  // Whole blocks of the disk, so that a direct read needs no copy.
  const uint64_t skipped = direct ? wanted.offset % base::kIoAlignment : 0;
  const uint64_t needed = skipped + wanted.length;
  const uint64_t asked = direct ? base::align_up(needed, base::kIoAlignment) : needed;
  const base::Buffer buffer = read_buffer(asked);
  const base::MutableByteView into(buffer.data(), asked);
  const auto got = co_await file->read_at(into, wanted.offset - skipped);
  if (!got) co_return read_failed(got.error());
  if (*got < needed) co_return fail(ErrorCode::kCorrupt, key + " lost its end");
  co_return Slice{buffer, into.subspan(skipped, wanted.length)};
}

Task<Result<ObjectInfo>> LocalObjectStore::head(std::string key) {
  co_await files_in_use_.acquire(1);
  const FilesInUse in_use(files_in_use_);
  const auto file = CO_TRY(co_await open_object(key, /*direct=*/false));
  const auto size = file->size();
  if (!size) co_return read_failed(size.error());
  co_return ObjectInfo{.key = std::move(key), .size = *size};
}

Task<Status> LocalObjectStore::remove(std::string key) { return remove_all({std::move(key)}); }

// Each directory is synced once.
Task<Status> LocalObjectStore::remove_all(std::vector<std::string> keys) {
  std::set<std::string> directories;
  Status outcome;
  for (const std::string& key : keys) CO_TRY(check_key(key));
  for (const std::string& key : keys) {
    const Status removed = co_await files_.remove(object_path(key));
    if (removed) directories.insert(directory_of(key));
    if (removed || removed.error().code == ErrorCode::kNotFound) continue;
    outcome = fail(ErrorCode::kUnavailable, removed.error().message);
  }
  for (const std::string& directory : directories) CO_TRY(co_await sync_names(directory));
  co_return outcome;
}

Task<Result<ListPage>> LocalObjectStore::list(std::string prefix, std::string start_after) {
  Listing listing{.prefix = std::move(prefix), .start_after = std::move(start_after), .page = {}};
  Status done = co_await collect(listing, "");
  if (done) done = co_await sync_listed(listing.page);
  if (!done) co_return read_failed(done.error());
  co_return std::move(listing.page);
}

Task<Status> LocalObjectStore::sync_listed(const ListPage& page) {
  std::set<std::string> directories;
  for (const ObjectInfo& object : page.objects) {
    if (unsynced_.contains(object.key)) directories.insert(directory_of(object.key));
  }
  for (const std::string& directory : directories) CO_TRY(co_await sync_names(directory));
  co_return Status();
}

Task<Status> LocalObjectStore::collect(Listing& listing, std::string key_prefix) {
  auto entries = CO_TRY(co_await files_.scan(directory_path(key_prefix)));
  for (base::DirectoryEntry& entry : entries) {
    if (entry.is_directory) entry.name += '/';  // as its keys go on: orders "a-b", "a/b", "a0"
    if (entry.name.ends_with(kObjectMark)) entry.name.pop_back();
  }
  std::ranges::sort(entries, {}, &base::DirectoryEntry::name);
  for (const base::DirectoryEntry& entry : entries) {
    std::string key = key_prefix + entry.name;
    if (entry.is_directory) {
      if (listing.wants_below(key)) CO_TRY(co_await collect(listing, std::move(key)));
    } else if (listing.wants_key(key)) {
      if (listing.page.objects.size() == kListPageMax) listing.page.more = true;
      if (!listing.page.more) listing.page.objects.push_back({std::move(key), entry.size});
    }
    if (listing.page.more) break;
  }
  co_return Status();
}

}  // namespace thalweg::object_store
