// The plants around metadata. Null: none of them is this one.
#pragma once

#include <memory>

#include "streamcore/metadata/metadata_store.h"
#include "tests/sim/plants.h"

namespace thalweg::sim {

std::unique_ptr<metadata::MetadataStore> planted_metadata(Plant plant,
                                                          metadata::MetadataStore& metadata);
// What only the lease sees.
std::unique_ptr<metadata::MetadataStore> planted_lease_metadata(Plant plant,
                                                                metadata::MetadataStore& metadata);

}  // namespace thalweg::sim
