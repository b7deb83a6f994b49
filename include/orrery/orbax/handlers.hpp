// The classes in Python that read an item, by the names that _CHECKPOINT_METADATA has for them.
#pragma once

#include <string_view>

namespace orrery::inline v0::orbax {

inline constexpr std::string_view pytree_handler = "orbax.checkpoint._src.handlers.pytree_checkpoint_handler.PyTreeCheckpointHandler";
inline constexpr std::string_view array_handler = "orbax.checkpoint._src.handlers.array_checkpoint_handler.ArrayCheckpointHandler";

}  // namespace orrery::inline v0::orbax
