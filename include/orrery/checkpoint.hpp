// Orbax checkpoints: PyTreeCheckpointer for trees, ArrayCheckpointer for single arrays.
#pragma once

#include "orrery/orbax/array_checkpointer.hpp"
#include "orrery/orbax/options.hpp"
#include "orrery/orbax/pytree_checkpointer.hpp"
#include "orrery/tree.hpp"
