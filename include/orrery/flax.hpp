// Flax's checkpoints: state dicts, msgpack bytes, save_checkpoint and its family, TrainState, FrozenDict.
#pragma once

#include "orrery/flax/async_manager.hpp"     // IWYU pragma: export
#include "orrery/flax/boxes.hpp"             // IWYU pragma: export
#include "orrery/flax/checkpoint_files.hpp"  // IWYU pragma: export
#include "orrery/flax/checkpoint_names.hpp"  // IWYU pragma: export
#include "orrery/flax/checkpoints.hpp"       // IWYU pragma: export
#include "orrery/flax/config.hpp"            // IWYU pragma: export
#include "orrery/flax/convert_pre_linen.hpp"  // IWYU pragma: export
#include "orrery/flax/frozen_dict.hpp"       // IWYU pragma: export
#include "orrery/flax/serialization.hpp"     // IWYU pragma: export
#include "orrery/flax/state_dict.hpp"        // IWYU pragma: export
#include "orrery/flax/train_state.hpp"       // IWYU pragma: export
