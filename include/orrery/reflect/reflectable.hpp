// The public door to reflection: is T a pytree, its row of the table, and the value described for saving.
#pragma once

#include <type_traits>

#include "orrery/reflect/kind.hpp"
#include "orrery/reflect/ops_of.hpp"
#include "orrery/tree/describe.hpp"
#include "orrery/tree/tree_view.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0 {

// Some route takes T itself. Its members are not looked at: those are checked where the row is made, with a message.
template <class T>
concept Reflectable = kind_of<std::remove_cvref_t<T>>() != Route::refused;

// What may be passed as a state. Any type of object: a type that cannot be stored should meet the message of check_reflectable, not an
// overload that silently went away.
template <class T>
concept PyTree = std::is_object_v<std::remove_cvref_t<T>>;

// The row of T. Where T, or anything in it, cannot be stored, one static_assert says so, naming that type and what to write.
template <class T>
constexpr const TypeOps& ops() noexcept {
  return ops_of<std::remove_cvref_t<T>>::value;
}

// Public entries that are not on the way to ops<T>() call this first.
template <class T>
constexpr void check_reflectable() noexcept {
  static_cast<void>(&ops<T>());
}

// Views of everything in `value`, valid while it is neither changed nor destroyed. Linear in leaves, copies no payload; ArgumentError
// for what cannot be stored (a valueless variant, pointers in a cycle).
template <PyTree T>
TreeView describe(const T& value) {
  return describe(ops<T>(), &value);
}

}  // namespace orrery::inline v0
