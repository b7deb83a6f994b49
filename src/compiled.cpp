// The library orrery::compiled: everything below the templates of the user's types, compiled once instead of in every translation unit that
// saves or restores. core/on_use.hpp says how.
#define ORRERY_COMPILES

#include <orrery/orrery.hpp>
