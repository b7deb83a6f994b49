// expect: the elements of a set are made anew on restore
#include <set>

#include "orrery/reflect/reflectable.hpp"

struct Label {
  explicit Label(int i) : id(i) {}
  auto operator<=>(const Label&) const = default;
  int id;
};
template <>
struct orrery::Reflect<Label> {
  static constexpr auto fields = orrery::fields(orrery::field<&Label::id>("id"));
};
struct State {
  std::set<Label> labels;
};

auto view = orrery::describe(State{});
