// Orbax checkpoints: PyTreeCheckpointer for trees, AsyncCheckpointer for trees in the background, ArrayCheckpointer for single arrays,
// CheckpointManager for many steps.
#pragma once

#include "orrery/core/log.hpp"
#include "orrery/manager/checkpoint_manager.hpp"
#include "orrery/orbax/array_checkpointer.hpp"
#include "orrery/orbax/async_checkpointer.hpp"
#include "orrery/orbax/options.hpp"
#include "orrery/orbax/pytree_checkpointer.hpp"
#include "orrery/orbax/restore_args_from_target.hpp"
#include "orrery/storage/preemption.hpp"
#include "orrery/tree.hpp"
