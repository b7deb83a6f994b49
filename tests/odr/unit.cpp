// A translation unit that describes a State: with the adapters of ODR_ADAPTERS, a header that includes them, or without any.
#include "types.hpp"

#ifdef ODR_ADAPTERS
#include ODR_ADAPTERS
#endif

#include "orrery/reflect/reflectable.hpp"

#ifdef ODR_ADAPTERS
std::string odr::with_adapter(const std::string& directory) {
#else
std::string odr::without_adapter(const std::string& directory) {
#endif
  const State state;
  return written(orrery::describe(state), directory);
}
