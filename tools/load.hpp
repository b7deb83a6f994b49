// Reads what locate.hpp found. A Source is an opened part: its tree is known at once, values come leaf by leaf, so that looking at a
// checkpoint holds one leaf in memory.
#pragma once

#include <memory>

#include "locate.hpp"
#include "orrery/restore/plan.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::tools {

class Source {
 public:
  virtual ~Source() = default;
  // Names, kinds, dtypes and shapes; small values may be there already, arrays are only described.
  virtual const Tree& tree() const = 0;
  // A leaf of tree(), or all of it, with its values.
  Tree read(const Tree& described);

 protected:
  Source() = default;
  // Fills slots that were made of leaves of tree().
  virtual void fill(const Slots& slots) = 0;
};

// Of an Orbax item no array is read; the other layouts keep names and values in one file, which is mapped.
std::unique_ptr<Source> open(const Part& part);

// The whole tree, as a raw restore gives it.
Tree load(const Part& part);

}  // namespace orrery::tools
