// S3ObjectStore: an ObjectStore in a bucket, or below a prefix of one.
//
// A put is a PUT with If-None-Match: *, which carries a nonce of this call in the object's
// metadata. 412 says that the key is taken, perhaps by an earlier attempt of this same call whose
// answer was lost: the nonce read back tells. Every other end of a put than 200 and 412 is unknown.
//
// Lives on one executor. Destroyed when no call is under way.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "streamcore/base/sync.h"
#include "streamcore/object_store/object_store.h"
#include "streamcore/object_store/s3/etag.h"
#include "streamcore/object_store/s3/s3_client.h"

namespace thalweg::object_store::s3 {

inline constexpr uint64_t kWholeObjectBytesMax = 1u << 30;  // larger ones are read by range
inline constexpr uint64_t kListAnswerBytesMax = 8 << 20;    // a page of the longest keys
inline constexpr uint64_t kSingleDeletesMax = 16;           // at a time

class S3ObjectStore final : public ObjectStore {
 public:
  // Asks for one page of the bucket, so that a wrong name, place or key is told at once.
  // kUnavailable.
  static base::Task<base::Result<std::unique_ptr<S3ObjectStore>>> open(S3Parts parts,
                                                                       S3Config config,
                                                                       S3Limits limits);

  // How far the clock of the server is ahead of this machine's, as it told last.
  std::optional<int64_t> server_ahead_ms() const { return client_->server_ahead_ms(); }

  // What the server's ETags are and how it compares them, in words (etag.h): tried out on an object
  // that is removed again.
  base::Task<base::Result<std::string>> describe_etags();

  // Nothing more is asked of the bucket: calls end soon, and as if it did not answer.
  void stop() { client_->stop(); }

  base::Task<base::Result<PutOutcome>> put_if_absent(std::string key, base::Parts parts) override;
  base::Task<base::Result<PutOutcome>> put_twice(std::string key, base::Parts parts) override;
  base::Task<base::Result<base::Slice>> get(std::string key,
                                            std::optional<ByteRange> range) override;
  base::Task<base::Result<ObjectInfo>> head(std::string key) override;
  base::Task<base::Status> remove(std::string key) override;
  // In requests of kDeletesMax; what a server refuses to delete so, or refuses at all, one by one.
  base::Task<base::Status> remove_all(std::vector<std::string> keys) override;
  base::Task<base::Result<ListPage>> list(std::string prefix, std::string start_after) override;

 private:
  S3ObjectStore(base::Executor& executor, base::Random& random, std::unique_ptr<S3Client> client)
      : executor_(executor), random_(random), client_(std::move(client)) {}

  enum class Answers { kHeard, kFirstLost };
  base::Task<base::Result<PutOutcome>> put(std::string key, base::Parts parts, Answers answers);
  base::Task<base::Result<EtagAnswers>> ask_about_etag(std::string key, std::string content);
  base::Task<base::Result<std::string>> etag_of(std::string key);
  base::Task<bool> replaces(std::string key, std::string content, std::string etag);
  base::Result<S3Request> request_of(std::string method, std::string key) const;
  base::Task<base::Result<PutOutcome>> whose(std::string key, std::string nonce);
  base::Task<base::Result<base::Slice>> get_range(S3Request request, ByteRange range);
  base::Task<base::Result<std::vector<std::string>>> remove_at_once(std::vector<std::string> keys);
  base::Task<base::Status> remove_each(std::vector<std::string> keys);
  base::Task<void> remove_one(std::string key, base::Semaphore& turns, base::Status& outcome);

  base::Executor& executor_;
  base::Random& random_;
  std::unique_ptr<S3Client> client_;
  bool deletes_one_by_one_ = false;  // the server does not know better
};

}  // namespace thalweg::object_store::s3
