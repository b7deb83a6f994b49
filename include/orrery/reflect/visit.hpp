// visit(value, visitor): the events of a walk over any pytree (tree/visitor.hpp says which), with C++ types forgotten.
#pragma once

#include "orrery/reflect/reflectable.hpp"
#include "orrery/tree/visitor.hpp"

namespace orrery::inline v0 {

// Calls the visitor for everything in `value`, in order. Costs a TreeView.
template <PyTree T, TreeVisitor V>
void visit(const T& value, V&& visitor) {
  walk(describe(value), visitor);
}

}  // namespace orrery::inline v0
