#include "streamcore/object_store/s3/s3_object_store.h"

#include <algorithm>
#include <utility>

#include "streamcore/base/check.h"
#include "streamcore/base/log.h"
#include "streamcore/base/task_group.h"
#include "streamcore/object_store/object_key.h"
#include "streamcore/object_store/s3/delete_objects.h"
#include "streamcore/object_store/s3/list_page.h"
#include "streamcore/object_store/s3/s3_answer.h"

namespace thalweg::object_store::s3 {

using base::ErrorCode;

namespace {

constexpr std::string_view kNonceHeader = "x-amz-meta-thalweg-nonce";

// The four bytes, the highest first.
std::string base64_of(uint32_t crc) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (int digit = 0; digit < 6; ++digit) {  // 32 bits, and four zeros behind them
    text += kDigits[(uint64_t{crc} << 4 >> (30 - 6 * digit)) & 63];
  }
  return text + "==";
}

std::unexpected<base::Error> out_of_range(const std::string& key, ByteRange range) {
  return base::fail(ErrorCode::kOutOfRange, key + ": no " + std::to_string(range.length) +
                                                " bytes at " + std::to_string(range.offset));
}

bool fits(ByteRange range, uint64_t size) {
  return range.offset <= size && range.length <= size - range.offset;
}

// The size of the whole object, of "bytes 0-9/100".
std::optional<uint64_t> size_in(std::string_view content_range) {
  const size_t slash = content_range.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  return parse_number(content_range.substr(slash + 1));
}

}  // namespace

base::Task<base::Result<std::unique_ptr<S3ObjectStore>>> S3ObjectStore::open(S3Parts parts,
                                                                             S3Config config,
                                                                             S3Limits limits) {
  auto client = CO_TRY(S3Client::make(parts, std::move(config), limits));
  std::unique_ptr<S3ObjectStore> store(
      new S3ObjectStore(parts.executor, parts.random, std::move(client)));
  CO_TRY(co_await store->list("", ""));
  co_return store;
}

base::Result<S3Request> S3ObjectStore::request_of(std::string method, std::string key) const {
  TRY(check_key(key));
  S3Request request;
  request.method = std::move(method);
  request.key = client_->config().prefix + key;
  request.area = key;
  if (request.key.size() <= kKeyBytesMax) return request;
  return base::fail(ErrorCode::kInvalidArgument, "with the bucket's prefix a key of " +
                                                     std::to_string(key.size()) +
                                                     " bytes is longer than S3 takes");
}

base::Task<base::Result<PutOutcome>> S3ObjectStore::put_if_absent(std::string key,
                                                                  base::Parts parts) {
  return put(std::move(key), std::move(parts), Answers::kHeard);
}

base::Task<base::Result<PutOutcome>> S3ObjectStore::put_twice(std::string key, base::Parts parts) {
  return put(std::move(key), std::move(parts), Answers::kFirstLost);
}

base::Task<base::Result<PutOutcome>> S3ObjectStore::put(std::string key, base::Parts parts,
                                                        Answers answers) {
  S3Request request = CO_TRY(request_of("PUT", key));
  const uint64_t high = random_.next();
  const std::string nonce = std::to_string(high) + "-" + std::to_string(random_.next());
  request.headers = {{"if-none-match", "*"}, {std::string(kNonceHeader), nonce}};
  if (parts.crc32c) {
    request.headers.emplace_back("x-amz-checksum-crc32c", base64_of(*parts.crc32c));
  }
  request.body = std::move(parts);
  if (answers == Answers::kFirstLost) (void)co_await client_->call(request);
  const auto response = co_await client_->call(std::move(request));
  if (!response) {
    const bool corrupt = response.error().code == ErrorCode::kCorrupt;
    co_return base::fail(corrupt ? ErrorCode::kCorrupt : ErrorCode::kUnknownOutcome,
                         response.error().message);
  }
  if (response->status == 412) co_return co_await whose(std::move(key), nonce);
  if (response->status == 200) co_return PutOutcome::kCreated;
  co_return base::fail(ErrorCode::kUnknownOutcome,
                       key + ": PUT answered HTTP " + std::to_string(response->status));
}

// Of an object that was in the way of a put: created by that put itself or by another.
base::Task<base::Result<PutOutcome>> S3ObjectStore::whose(std::string key, std::string nonce) {
  const auto response = co_await client_->call(CO_TRY(request_of("HEAD", key)));
  if (response && response->status == 200) {
    co_return response->header(kNonceHeader) == nonce ? PutOutcome::kCreated : PutOutcome::kExists;
  }
  co_return base::fail(ErrorCode::kUnknownOutcome,
                       key + " existed and could not be read back: " +
                           (response ? "it is gone" : response.error().message));
}

base::Task<base::Result<base::Slice>> S3ObjectStore::get(std::string key,
                                                         std::optional<ByteRange> range) {
  S3Request request = CO_TRY(request_of("GET", key));
  if (range) {
    // Not to be said in a Range header.
    if (range->length == 0 || range->offset > INT64_MAX || range->length > INT64_MAX) {
      const ObjectInfo object = CO_TRY(co_await head(key));
      if (!fits(*range, object.size)) co_return out_of_range(key, *range);
      CHECK_EQ(range->length, 0u);
      co_return base::Slice{};
    }
    co_return co_await get_range(std::move(request), *range);
  }
  request.answer_bytes_max = kWholeObjectBytesMax;
  const HttpResponse response = CO_TRY(co_await client_->call(std::move(request)));
  if (response.status == 404) co_return base::fail(ErrorCode::kNotFound, key);
  if (response.status == 200) co_return response.body;
  co_return base::fail(ErrorCode::kUnavailable,
                       key + ": GET answered HTTP " + std::to_string(response.status));
}

base::Task<base::Result<base::Slice>> S3ObjectStore::get_range(S3Request request, ByteRange range) {
  const std::string key = request.key;
  const uint64_t last = range.offset + range.length - 1;
  request.headers.emplace_back(
      "range", "bytes=" + std::to_string(range.offset) + "-" + std::to_string(last));
  request.answer_bytes_max = range.length;
  const HttpResponse response = CO_TRY(co_await client_->call(std::move(request)));
  if (response.status == 404) co_return base::fail(ErrorCode::kNotFound, key);
  if (response.status == 416) co_return out_of_range(key, range);
  const auto size = size_in(response.header("content-range"));
  if (response.status == 206 && size && !fits(range, *size)) co_return out_of_range(key, range);
  if (response.status == 206 && response.body.bytes.size() == range.length) {
    co_return response.body;
  }
  co_return base::fail(ErrorCode::kUnavailable,
                       key + ": a range of " + std::to_string(range.length) +
                           " bytes was answered with HTTP " + std::to_string(response.status) +
                           " and " + std::to_string(response.body.bytes.size()) + " bytes");
}

base::Task<base::Result<ObjectInfo>> S3ObjectStore::head(std::string key) {
  S3Request request = CO_TRY(request_of("HEAD", key));
  const HttpResponse response = CO_TRY(co_await client_->call(std::move(request)));
  if (response.status == 404) co_return base::fail(ErrorCode::kNotFound, key);
  const auto size = parse_number(response.header("content-length"));
  if (response.status == 200 && size) co_return ObjectInfo{.key = key, .size = *size};
  co_return base::fail(ErrorCode::kUnavailable, key + ": HEAD answered HTTP " +
                                                    std::to_string(response.status) +
                                                    (size ? "" : " without a length"));
}

base::Task<base::Result<std::string>> S3ObjectStore::describe_etags() {
  const std::string key = "check/" + std::to_string(random_.next()) + "/etag";
  const std::string content = "what is in here is known";
  CO_TRY(co_await put_if_absent(key, {base::as_bytes(content)}));
  const auto answers = co_await ask_about_etag(key, content);
  CO_TRY(co_await remove(key));
  co_return describe(CO_TRY(std::move(answers)), content);
}

base::Task<base::Result<EtagAnswers>> S3ObjectStore::ask_about_etag(std::string key,
                                                                    std::string content) {
  EtagAnswers answers{.etag = CO_TRY(co_await etag_of(key))};
  if (answers.etag.empty()) co_return answers;
  answers.takes_others = co_await replaces(key, content, '"' + std::string(32, '0') + '"');
  // Asked for afresh: some have another with each put.
  const std::string quoted = '"' + bare_etag(CO_TRY(co_await etag_of(key))) + '"';
  answers.takes_quoted = co_await replaces(key, content, quoted);
  const std::string bare = bare_etag(CO_TRY(co_await etag_of(key)));
  answers.takes_bare = co_await replaces(key, content, bare);
  co_return answers;
}

base::Task<base::Result<std::string>> S3ObjectStore::etag_of(std::string key) {
  const HttpResponse response = CO_TRY(co_await client_->call(CO_TRY(request_of("HEAD", key))));
  co_return std::string(response.header("etag"));
}

base::Task<bool> S3ObjectStore::replaces(std::string key, std::string content, std::string etag) {
  auto request = request_of("PUT", std::move(key));
  CHECK(request.has_value());
  request->headers = {{"if-match", std::move(etag)}};
  request->body = {base::as_bytes(content)};
  const auto response = co_await client_->call(std::move(*request));
  co_return response && response->status == 200;
}

base::Task<base::Status> S3ObjectStore::remove(std::string key) {
  S3Request request = CO_TRY(request_of("DELETE", key));
  CO_TRY(co_await client_->call(std::move(request)));
  co_return base::Status{};
}

base::Task<base::Status> S3ObjectStore::remove_all(std::vector<std::string> keys) {
  for (const std::string& key : keys) CO_TRY(request_of("DELETE", key));
  base::Status outcome;
  for (size_t at = 0; at < keys.size(); at += kDeletesMax) {
    const auto first = keys.begin() + static_cast<ptrdiff_t>(at);
    const size_t count = std::min(kDeletesMax, keys.size() - at);
    std::vector<std::string> some(first, first + static_cast<ptrdiff_t>(count));
    if (count > 1 && !deletes_one_by_one_) some = CO_TRY(co_await remove_at_once(std::move(some)));
    base::Status removed = co_await remove_each(std::move(some));
    if (!removed) outcome = std::move(removed);
  }
  co_return outcome;
}

// Those that are left to be deleted.
base::Task<base::Result<std::vector<std::string>>> S3ObjectStore::remove_at_once(
    std::vector<std::string> keys) {
  const std::string& prefix = client_->config().prefix;
  const std::string document = delete_document(prefix, keys);
  S3Request request;
  request.method = "POST";
  request.query = {{"delete", ""}};
  request.area = keys.front();
  request.headers = {{"content-md5", content_md5(document)}};
  request.body = {base::as_bytes(document)};
  request.answer_bytes_max = kListAnswerBytesMax;
  if (request.headers[0].second.empty()) co_return keys;
  const HttpResponse response = CO_TRY(co_await client_->call(std::move(request)));
  if (response.status == 200) {
    co_return parse_not_deleted(base::as_chars(response.body.bytes), prefix);
  }
  deletes_one_by_one_ = true;
  base::log_info(client_->config().name() +
                 " takes no more than one delete at a time: " + reason(response));
  co_return keys;
}

base::Task<base::Status> S3ObjectStore::remove_each(std::vector<std::string> keys) {
  base::Semaphore turns(executor_, kSingleDeletesMax);
  base::Status outcome;
  base::TaskGroup removals(executor_);
  for (std::string& key : keys) {
    (void)co_await turns.acquire(1);
    if (!outcome) break;
    removals.spawn(remove_one(std::move(key), turns, outcome));
  }
  co_await removals.stop_and_join();
  co_return outcome;
}

base::Task<void> S3ObjectStore::remove_one(std::string key, base::Semaphore& turns,
                                           base::Status& outcome) {
  base::Status removed = co_await remove(std::move(key));
  if (!removed) outcome = std::move(removed);
  turns.release(1);
}

base::Task<base::Result<ListPage>> S3ObjectStore::list(std::string prefix,
                                                       std::string start_after) {
  const std::string& base_prefix = client_->config().prefix;
  S3Request request;
  request.method = "GET";
  request.area = prefix;
  request.query = {{"list-type", "2"},
                   {"max-keys", std::to_string(kListPageMax)},
                   {"prefix", base_prefix + prefix}};
  request.answer_bytes_max = kListAnswerBytesMax;
  if (!start_after.empty()) request.query.emplace_back("start-after", base_prefix + start_after);
  const HttpResponse response = CO_TRY(co_await client_->call(std::move(request)));
  auto page = parse_list_page(base::as_chars(response.body.bytes), base_prefix, start_after);
  if (!page) page.error().message.insert(0, client_->config().name() + ": ");
  co_return page;
}

}  // namespace thalweg::object_store::s3
