#include "kafka_protocol/storage/data_directory.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace thalweg::storage {

using base::ErrorCode;

namespace {

constexpr const char* kPath = "store";
constexpr const char* kNewPath = "store.new";
constexpr size_t kNameBytesMax = 2048;

base::Task<base::Result<std::optional<std::string>>> read_name(base::FileSystem& files) {
  const auto file = co_await files.open(kPath, {});
  if (!file) {
    if (file.error().code == ErrorCode::kNotFound) co_return std::nullopt;
    co_return std::unexpected(file.error());
  }
  std::string text(kNameBytesMax, '\0');
  const size_t length =
      CO_TRY(co_await (*file)->read_at(std::as_writable_bytes(std::span(text)), 0));
  text.resize(length);
  if (!text.ends_with('\n')) {
    co_return base::fail(ErrorCode::kCorrupt, "the file 'store' of the data directory is damaged");
  }
  text.pop_back();
  co_return text;
}

base::Task<base::Status> write_name(base::FileSystem& files, std::string name) {
  const std::string text = name + "\n";
  const auto file =
      CO_TRY(co_await files.open(kNewPath, {.create = true, .purpose = base::Purpose::kUpkeep}));
  CO_TRY(co_await file->truncate(0));
  base::Parts parts{base::as_bytes(text)};
  CO_TRY(co_await file->write_at(std::move(parts), 0, true));
  CO_TRY(co_await files.rename(kNewPath, kPath));
  co_return co_await files.sync_directory("");
}

base::Task<base::Result<bool>> is_unused(base::FileSystem& files) {
  const bool no_log = CO_TRY(co_await files.list("log")).empty();
  co_return no_log&& CO_TRY(co_await files.list("objects")).empty();
}

std::string in_words(const std::string& store) {
  return store.empty() ? "the directory itself (no --store)" : store;
}

}  // namespace

base::Task<base::Status> bind_data_directory(base::FileSystem& files, std::string store) {
  const std::optional<std::string> bound = CO_TRY(co_await read_name(files));
  if (bound.value_or("") == store) co_return base::Status{};
  if (!bound && CO_TRY(co_await is_unused(files))) co_return co_await write_name(files, store);
  co_return base::fail(ErrorCode::kInvalidArgument,
                       "thalweg.store: the log in the data directory belongs to " +
                           in_words(bound.value_or("")) + ", not to " + in_words(store) +
                           "; start it with that store, or with another data directory");
}

}  // namespace thalweg::storage
