// An adapter that does what none may: it has an opinion of a type that is stored without it. The test must see that.
#pragma once

#include "types.hpp"

template <>
struct orrery::Reflect<odr::MemberSerialize> {
  static constexpr auto fields = orrery::fields(orrery::field<&odr::MemberSerialize::bias>("bias"));
};
