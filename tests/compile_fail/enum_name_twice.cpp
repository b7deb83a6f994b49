// expect: EnumNames<E> gives two values the same name
#include "orrery/reflect/reflectable.hpp"

enum class Mode { train, test };
template <>
struct orrery::EnumNames<Mode> {
  static constexpr auto names = orrery::enum_names(orrery::enum_name(Mode::train, "train"), orrery::enum_name(Mode::test, "train"));
};

auto view = orrery::describe(Mode::train);
