// What the faces call to save in the background (the bodies: save_in_background.hpp).
#pragma once

#include <memory>
#include <string>

#include "orrery/core/on_use.hpp"
#include "orrery/orbax/async_engine.hpp"
#include "orrery/orbax/options.hpp"
#include "orrery/orbax/snapshot.hpp"

namespace orrery::inline v0::orbax {

// The turn for a save of one item at `path`, a local_path(), and what speaks against it already.
template <OnUse = OnUse()>
AsyncEngine::Turn start_item(AsyncEngine& engine, const std::string& path, const SaveOptions& options);

// Saves the snapshot there, with the other processes that hold parts of it where there are any, and returns at once.
template <OnUse = OnUse()>
void save_item_in_background(AsyncEngine& engine, AsyncEngine::Turn turn, const std::string& path, std::shared_ptr<Snapshot> snapshot,
                             SaveOptions options);

ORRERY_ONCE(AsyncEngine::Turn start_item<>(AsyncEngine&, const std::string&, const SaveOptions&));
ORRERY_ONCE(void save_item_in_background<>(AsyncEngine&, AsyncEngine::Turn, const std::string&, std::shared_ptr<Snapshot>, SaveOptions));

}  // namespace orrery::inline v0::orbax
