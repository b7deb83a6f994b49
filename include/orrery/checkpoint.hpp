// Orbax checkpoints: PyTreeCheckpointer.
#pragma once

#include "orrery/orbax/options.hpp"
#include "orrery/orbax/pytree_checkpointer.hpp"
#include "orrery/tree.hpp"
