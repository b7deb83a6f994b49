// expect: this class is no aggregate
#include <vector>

#include "orrery/reflect/reflectable.hpp"

class Layer {
 public:
  int units = 0;

 private:
  std::vector<float> weights_;
};
struct Model {
  std::vector<Layer> layers;
};

auto view = orrery::describe(Model{});
