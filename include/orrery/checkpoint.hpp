// Orbax checkpoints: PyTreeCheckpointer for trees, ArrayCheckpointer for single arrays, CheckpointManager for many steps.
#pragma once

#include "orrery/manager/checkpoint_manager.hpp"
#include "orrery/orbax/array_checkpointer.hpp"
#include "orrery/orbax/options.hpp"
#include "orrery/orbax/pytree_checkpointer.hpp"
#include "orrery/tree.hpp"
