#include "kafka_protocol/storage/store_command.h"

#include <ostream>

#include "kafka_protocol/server/blocking.h"
#include "kafka_protocol/server/cli.h"
#include "kafka_protocol/server/cores.h"
#include "kafka_protocol/server/loop_poller.h"
#include "kafka_protocol/storage/store_place.h"
#include "streamcore/base/clock.h"
#include "streamcore/base/log.h"
#include "streamcore/object_store/s3/s3_object_store.h"
#include "streamcore/object_store/store_check.h"

namespace thalweg::storage {

namespace {

struct Checked {
  std::string warning;
  std::vector<object_store::CheckStep> steps;
  std::string etags = "not looked at";
};

// On the home core, from the first request to the last connection's end.
base::Task<base::Result<Checked>> check(server::AsioExecutor& home,
                                        object_store::s3::S3Config bucket) {
  server::LoopPoller poller(home);
  base::SystemClock clock;
  base::SystemRandom random;
  const auto store = CO_TRY(co_await object_store::s3::S3ObjectStore::open(
      {home, poller, clock, random}, std::move(bucket), {}));
  ClockCheck clocks = check_clock(*store, clock);
  Checked checked{
      .warning = std::move(clocks.warning),
      .steps = {{"the clocks of the server and of this machine agree", std::move(clocks.outcome)}}};
  if (!checked.steps[0].outcome) co_return checked;
  for (object_store::CheckStep& step : co_await object_store::check_store(
           *store, home, random, object_store::CheckEffort::thorough())) {
    checked.steps.push_back(std::move(step));
  }
  auto etags = co_await store->describe_etags();
  checked.etags = etags ? std::move(*etags) : etags.error().message;
  co_return checked;
}

bool print(const Checked& checked, std::ostream& out) {
  if (!checked.warning.empty()) out << "WARNING " << checked.warning << "\n";
  for (const object_store::CheckStep& step : checked.steps) {
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(step.took).count();
    out << (step.outcome ? "ok      " : "BROKEN  ") << step.promise << " (" << took << " ms)\n";
    if (!step.outcome) out << "        " << step.outcome.error().message << "\n";
  }
  out << "NOTE    ETags, which nothing here relies on: " << checked.etags << "\n";
  return checked.steps.back().outcome.has_value();
}

}  // namespace

int check_store_command(const server::Config& config, std::ostream& out, std::ostream& err) {
  base::set_log_level(base::LogLevel::kError);
  auto bucket = object_store::s3::parse_s3_url(config.get_string("thalweg.store"),
                                               object_store::s3::process_environment);
  if (!bucket) {
    err << "thalweg: " << bucket.error().message << std::endl;
    return server::kExitMisuse;
  }
  server::Cores cores(1);
  cores.start();
  const auto checked = server::run_blocking(cores.home(), check(cores.home(), std::move(*bucket)));
  cores.stop_and_join();
  if (!checked) {
    err << "thalweg: " << checked.error().message << std::endl;
    return server::kExitFailed;
  }
  return print(*checked, out) ? server::kExitDone : server::kExitFailed;
}

}  // namespace thalweg::storage
