// HedgedSender: one answer to one request, which is asked again over another connection when none
// begins in the time that requests of its class usually take, and again, as long as the budget
// lasts. The first answer counts, and the other attempts are given up.
//
// Safe for whatever may be repeated, for the attempts are repetitions that do not wait for each
// other: the same bytes, which the server may apply at any time or never, whichever was answered.
// An error counts only when no attempt is left that may still be answered.
//
// Lives on one executor; owned by S3Client.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "streamcore/base/executor.h"
#include "streamcore/base/result.h"
#include "streamcore/base/task.h"
#include "streamcore/object_store/request_counts.h"
#include "streamcore/object_store/s3/answer_times.h"
#include "streamcore/object_store/s3/http_client.h"
#include "streamcore/object_store/s3/request_budget.h"

namespace thalweg::object_store::s3 {

// Requests whose answers begin after about the same time.
enum class AnswerClass { kPutSmall, kPutMedium, kPutLarge, kGet, kHead, kList };
inline constexpr size_t kAnswerClasses = 6;
inline constexpr uint64_t kSmallBodyBytesMax = 64 << 10;
inline constexpr uint64_t kMediumBodyBytesMax = 1 << 20;

class HedgedSender {
 public:
  HedgedSender(base::Executor& executor, HttpClient& http, RequestBudget& budget,
               HedgeLimits limits)
      : executor_(executor), http_(http), budget_(budget), limits_(limits) {}

  // As HttpClient::send() says; without a class the request is sent once. All that is sent is
  // counted.
  base::Task<base::Result<HttpResponse>> send(HttpRequest request, std::optional<AnswerClass> kind,
                                              RequestCounts::Kind& counts);

 private:
  struct Call;

  std::optional<base::Result<HttpResponse>> outcome(Call& call);
  void note_times(Call& call, const HttpTransfer& answered);
  std::optional<base::TimePoint> next_try(const Call& call) const;
  base::Task<void> try_again(Call& call);

  base::Executor& executor_;
  HttpClient& http_;
  RequestBudget& budget_;
  const HedgeLimits limits_;
  std::array<AnswerTimes, kAnswerClasses> times_;
};

}  // namespace thalweg::object_store::s3
