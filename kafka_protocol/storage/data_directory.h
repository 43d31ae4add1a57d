// data_directory: which store the log in a data directory belongs to.
//
//   DIR/store    the store's name and a newline; none: segments and metadata are in DIR too
//
// A log and metadata that are not each other's would mix two brokers' records, so that a directory
// is bound to a store before its log is made, and refused for every other one.
#pragma once

#include <string>

#include "streamcore/base/file_system.h"

namespace thalweg::storage {

// Binds an unused directory to `store` (empty: to itself); otherwise kInvalidArgument unless it is
// bound to it already. Durable when it answers.
base::Task<base::Status> bind_data_directory(base::FileSystem& files, std::string store);

}  // namespace thalweg::storage
