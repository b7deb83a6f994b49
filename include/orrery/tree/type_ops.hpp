// What a C++ type can do, as a constant table of functions: reflection (reflect/, adapters/) makes one row per type, and from there on
// ordinary code walks values without knowing their types: describe (tree/describe.hpp) to save, match (restore/match.hpp) to restore.
// A null entry: this type cannot.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "orrery/core/shape.hpp"
#include "orrery/tree/leaf_view.hpp"
#include "orrery/tree/tree_view.hpp"

namespace orrery::inline v0 {

class Tree;
struct PathLink;

enum class TypeKind : std::uint8_t {
  leaf,
  record,    // a struct: named members
  tuple,     // a fixed number of members of different types
  list,      // elements of one type
  map,       // keys to elements of one type
  optional,  // nothing or one element; smart pointers too
  variant,   // one of several
  none,      // nothing to store: std::monostate
  skipped,   // Static<T>: no part of the tree
  tree,      // orrery::Tree: decided at run time
};

// What Python calls such a container: decides words and strictness in flax::from_state_dict, nothing on disk.
enum class Role : std::uint8_t { dataclass, namedtuple, tuple, list, dict, frozen_dict };

inline constexpr Dim any_dim = -1;

// What a leaf is before it exists.
struct LeafType {
  LeafKind kind = LeafKind::array;
  DType dtype = DType::none;          // none: any (AnyArray)
  bool any_rank = false;
  std::span<const Dim> extents{};     // any_dim: free; ignored where any_rank
};

struct TypeOps {
  using Types = std::span<const TypeOps* const>;

  TypeKind kind = TypeKind::none;
  Role role = Role::dataclass;
  bool read_only = false;                       // a const member: saved, never restored into
  bool fixed_size = false;                      // a list whose length the type decides: C array, std::array
  bool integer_keys = false;                    // map: its keys are the texts of integers
  std::string_view type_name{};                 // "TrainState", for messages
  LeafType leaf{};
  std::span<const std::string_view> names{};    // record: of the members, in order
  Types types{};                                // record, tuple: of the members; list, map, optional: {element}; variant: alternatives

  // --- looking
  std::size_t (*size)(const void*) = nullptr;             // list, map: elements now; optional: 0 or 1; record, tuple: null (types.size())
  void (*children)(void*, void** out) = nullptr;          // addresses of what is there now, in order
  void (*keys)(const void*, std::string_view* out, std::deque<std::string>& made) = nullptr;   // map: in the order of children
  bool (*accepts)(std::string_view) = nullptr;            // map: could this text be a key? null: any can
  std::size_t (*active)(const void*) = nullptr;           // variant: index, or npos if valueless
  LeafView (*view)(const void*) = nullptr;                // leaf: elements or text that the value holds
  // Leaf without elements to point at, now or ever: makes them, owned by the TreeView. Saving asks this before view.
  LeafView (*stage)(const void*, TreeView&) = nullptr;
  // Sharded leaf: where its elements are, which view() has not. The number is that of the leaf among those of its tree.
  ArrayParts (*parts)(const void*, std::size_t number) = nullptr;
  const Tree* (*tree)(const void*) = nullptr;             // tree
  // A value that describes itself (a class with cereal functions): adds its nodes to the view, the first under that name. Its kind is
  // tree, and take() reads it back; or record, where take() reads what has other names than the row.
  void (*record)(const void*, TreeView&, std::string_view name, const PathLink* path) = nullptr;
  // A row that only run time can make (a cereal class tells its members when its serialize runs): the true one, made at first use, from
  // that object unless it is null. Walks take that row instead of this one.
  const TypeOps& (*deferred)(const void*) = nullptr;
  // A value that is no object, or none that may be written to: what a getter returns, the elements of a set. Walks go on with a side object
  // of the row `aside`, made of what is there now. With `to_fill` it is the caller's own; otherwise it is only looked at, and may be
  // somebody else's. Closing, after everything in it was restored, calls the setter or makes the set. To describe, `children` come first.
  const TypeOps* aside = nullptr;
  std::shared_ptr<void> (*open_aside)(const void*, bool to_fill) = nullptr;
  void (*close_aside)(void*, void* side) = nullptr;

  // --- making
  void (*make)(void*, std::size_t) = nullptr;             // list: that many elements; map: clear; optional: 0 or 1; variant: alternative
  void* (*emplace)(void*, std::string_view) = nullptr;    // map: the element at that key, made if absent
  bool (*takes_shape)(const void*, std::span<const Dim>) = nullptr;  // leaf: whether resize() would; null: any that leaf.extents allow
  bool (*takes_dtype)(DType) = nullptr;                   // leaf of any dtype: whether allocate() would; null: all
  void (*resize)(void*, std::span<const Dim>) = nullptr;  // leaf: room for an array of that shape (string: of that many bytes)
  void (*allocate)(void*, DType, std::span<const Dim>) = nullptr;    // leaf of any dtype: room for an array of that dtype and shape
  void (*assign)(void*, const LeafView&) = nullptr;       // staged leaf: takes a dense array of leaf.dtype, or a text
  void (*set_text)(void*, std::string_view) = nullptr;    // prng_key: its implementation; called before resize
  void (*take)(void*, Tree&&) = nullptr;                  // tree
  void (*loaded)(void*) = nullptr;                        // record: what is to be done once all of it is restored
};

// The row of T. Declared here so that recursive types can name it; reflect/ops_of.hpp defines it.
template <class T>
struct ops_of {
  static const TypeOps value;
};

// Rows by pointer to a never-changing object: taking the address does not need the definition (recursive types).
template <class... T>
inline constexpr std::array<const TypeOps*, sizeof...(T)> ops_list{&ops_of<T>::value...};

}  // namespace orrery::inline v0
