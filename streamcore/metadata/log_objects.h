// The objects of the metadata log and their names:
//
//   meta/log/<n>       the entry in slot n, n >= 1            (log_entry_format.h)
//   meta/snapshot/<n>  the state after the slots 1..n         (snapshot_format.h)
//   meta/gc/<n>        a boundary: slots <= n may be deleted  (the name says it all)
//
// <n> has 20 decimal digits, so that names sort as numbers do. An object is written once under its
// name.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "streamcore/metadata/log_position.h"
#include "streamcore/object_store/object_store.h"

namespace thalweg::metadata {

inline constexpr std::string_view kLogPrefix = "meta/log/";
inline constexpr std::string_view kSnapshotPrefix = "meta/snapshot/";
inline constexpr std::string_view kBoundaryPrefix = "meta/gc/";

std::string object_name(std::string_view prefix, LogPosition n);

// Nothing if the name is not of this kind.
std::optional<LogPosition> parse_object_name(std::string_view prefix, std::string_view name);

// The positions > `after` listed under the prefix, ascending. Names of another form are left out.
// Errors of list().
base::Task<base::Result<std::vector<LogPosition>>> list_positions(object_store::ObjectStore& store,
                                                                  std::string_view prefix,
                                                                  LogPosition after);

}  // namespace thalweg::metadata
