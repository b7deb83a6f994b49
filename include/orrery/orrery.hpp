// Everything except the adapters, which are included one by one: <orrery/adapters/eigen.hpp>, ...
#pragma once

#include "orrery/checkpoint.hpp"
#include "orrery/flax.hpp"
#include "orrery/optax.hpp"
#include "orrery/reflect/schema.hpp"
#include "orrery/safetensors.hpp"
#include "orrery/sharding.hpp"
#include "orrery/tree.hpp"
#include "orrery/version.hpp"
