// expect: this type does not have the committed schema any more
#include <vector>

#include "orrery/reflect/schema.hpp"

struct Dense {
  std::vector<float> bias;
  std::vector<double> kernel;
};
using namespace orrery::literals;

static_assert(orrery::matches<Dense>(R"(
  bias: float32[?]
  kernel: float32[?]
)"_schema));
