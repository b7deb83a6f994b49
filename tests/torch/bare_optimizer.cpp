// expect: orrery: an optimizer of libtorch does not know the names of its parameters; hold orrery::NamedOptimizer<O> beside it
#include "orrery/adapters/torch_optim.hpp"

struct State {
  torch::optim::Adam optimizer;
};
const orrery::TypeOps& row = orrery::ops_of<State>::value;
