// LogPosition: a slot of the metadata log, and a state by the last slot applied to it. 0 is the
// empty state.
#pragma once

#include "streamcore/base/strong_id.h"

namespace thalweg::metadata {

using LogPosition = base::StrongId<struct LogPositionTag>;

}  // namespace thalweg::metadata
