// expect: the keys of a hana::map are BOOST_HANA_STRINGs here
#include <boost/hana/integral_constant.hpp>

#include "orrery/adapters/hana.hpp"
#include "orrery/reflect/reflectable.hpp"

auto view = orrery::describe(boost::hana::make_map(boost::hana::make_pair(boost::hana::int_c<1>, 2.0f)));
