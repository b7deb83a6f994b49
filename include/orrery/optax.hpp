// optax's states as structs, and what each optimizer's state is made of.
#pragma once

#include "orrery/optax/states.hpp"  // IWYU pragma: export
