// When to save and what to keep: pure functions of the list of steps.
#pragma once

#include "orrery/manager/preservation_policies.hpp"  // IWYU pragma: export
#include "orrery/manager/save_policies.hpp"          // IWYU pragma: export
