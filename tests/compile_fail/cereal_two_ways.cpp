// expect: this class has more than one set of cereal functions
#include "orrery/adapters/cereal.hpp"
#include "orrery/reflect/reflectable.hpp"

class Layer {
 public:
  Layer() {}
  int units = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(units));
  }
};
class Dropout : public Layer {
 public:
  Dropout() {}
  float rate = 0;
  template <class Archive>
  void save(Archive& archive) const {
    archive(CEREAL_NVP(rate));
  }
  template <class Archive>
  void load(Archive& archive) {
    archive(CEREAL_NVP(rate));
  }
};

auto view = orrery::describe(Dropout());
