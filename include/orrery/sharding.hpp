// Arrays cut over the devices of a mesh, and the processes that own them: Mesh, PartitionSpec, NamedSharding, ShardedArray.
#pragma once

#include "orrery/distributed/coordinator.hpp"
#include "orrery/distributed/single_process.hpp"
#include "orrery/sharding/array_parts_of.hpp"
#include "orrery/sharding/mesh.hpp"
#include "orrery/sharding/named_sharding.hpp"
#include "orrery/sharding/partition_spec.hpp"
#include "orrery/sharding/sharded_array.hpp"
