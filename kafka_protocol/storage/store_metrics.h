// store_metrics: what was asked of the object stores, as metrics.
#pragma once

#include "kafka_protocol/server/metrics_text.h"
#include "streamcore/object_store/request_counts.h"

namespace thalweg::storage {

void write_store_metrics(const object_store::RequestMeters& meters, server::MetricsText& text);

}  // namespace thalweg::storage
