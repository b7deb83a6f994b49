// expect: this class has a pair of cereal functions save and load
#include "orrery/adapters/cereal.hpp"
#include "orrery/reflect/reflectable.hpp"

class Layer {
 public:
  Layer() {}
  int units = 0;
  template <class Archive>
  void save(Archive& archive) const {
    archive(units);
  }
  template <class Archive>
  void load(Archive& archive) {
    archive(units);
  }
};

auto view = orrery::describe(Layer());
