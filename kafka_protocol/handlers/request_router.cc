#include "kafka_protocol/handlers/request_router.h"

#include "kafka_protocol/handlers/api_table.h"
#include "kafka_protocol/handlers/api_versions.h"
#include "kafka_protocol/wire/frame.h"

namespace thalweg::handlers {

namespace {
base::Task<server::PendingResponse> ready(server::Response response) {
  co_return std::move(response);
}
}  // namespace

// Not a coroutine itself: a frame per request is saved.
base::Task<server::PendingResponse> RequestRouter::start(server::RequestContext context,
                                                         base::ByteView body) {
  const ApiRow* api = find_api(context.api_key);
  if (api == nullptr || !api->served.contains(context.api_version)) {
    if (context.api_key == wire::kApiVersionsKey) return ready(unsupported_api_versions(context));
    return ready(
        refuse(context, {base::ErrorCode::kUnsupported, "this API or version is not served"}));
  }
  if (api->flexible.contains(context.api_version)) {
    const base::Result<base::ByteView> rest = wire::skip_header_tags(body);
    if (!rest.has_value()) return ready(refuse(context, rest.error()));
    body = *rest;
  }
  return api->serve(broker_, context, body);
}

void RequestRouter::request_stop() {
  broker_.stopping.set();
  broker_.parked.wake_all();
  broker_.store.request_stop();
  broker_.tasks.spawn(broker_.groups.stop());
}

}  // namespace thalweg::handlers
