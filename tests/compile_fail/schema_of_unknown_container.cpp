// expect: schema<T>() cannot see which types this container holds
#include <vector>

#include "orrery/reflect/schema.hpp"

class Ring {
 public:
  std::vector<std::vector<int>> all;

 private:
  int first_ = 0;
};
template <>
struct orrery::ContainerTraits<Ring> {
  static constexpr TypeOps ops() { return {.kind = TypeKind::list, .types = ops_list<std::vector<int>>}; }
};

constexpr auto text = orrery::schema<Ring>();
