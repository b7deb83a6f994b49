// Classes that cereal's functions describe, as pytrees: with serialize, save and load, or save_minimal and load_minimal, member or free,
// private ones too, versioned or not. Speaks for classes that are no aggregates, and for those whose Reflect<T> derives from via_cereal<T>.
// Include it before the first use of such a class, and before CEREAL_REGISTER_TYPE.
// A class is a dict of what its functions hand over. Where that is nothing but members of the object, handed over by one serialize, it is
// a record like any other: described and restored in place, differences are found before anything is touched, and serialize runs
// once more, as for loading, when all of it is restored. Otherwise its functions run as for any archive: they record a tree, which is
// read into memory and handed to them on restore, after everything else was read. To find the members, serialize runs on new objects too.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "orrery/adapters/cereal/choices.hpp"
#include "orrery/adapters/cereal/functions.hpp"
#include "orrery/adapters/cereal/input_archive.hpp"
#include "orrery/adapters/cereal/input_pointers.hpp"
#include "orrery/adapters/cereal/output_archive.hpp"
#include "orrery/adapters/cereal/standard_types.hpp"
#include "orrery/core/error.hpp"
#include "orrery/fwd.hpp"
#include "orrery/reflect/kind.hpp"
#include "orrery/reflect/records.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0 {

namespace detail::cereal_adapter {

// A value whose functions make its tree and read it.
template <class T>
constexpr TypeOps recorded_row() {
  TypeOps ops{.kind = TypeKind::tree, .role = Role::dataclass, .type_name = type_name<T>};
  ops.record = [](const void* object, TreeView& out, std::string_view name, const PathLink* path) {
    const Held held = Held::of(object, sizeof(T));
    Output archive(Output::Recording(), out, path, held);
    archive.write(name, as<T>(object), held);
  };
  ops.take = [](void* object, Tree&& tree) {
    Input archive(Input::Replay(), tree);
    archive.read(tree, as<T>(object));
  };
  return ops;
}

// What runs of serialize on a new object found out.
template <class T>
struct RunTimeRow {
  HandedMembers members{};
  TypeOps ops = recorded_row<T>();
  const TypeOps recorded = recorded_row<T>();

  RunTimeRow() {
    if constexpr (std::is_default_constructible_v<T>) {
      try {
        const auto fresh = std::make_unique<T>();
        MemberRun run{.first = &members};
        Output archive(run, Held::of(fresh.get(), sizeof(T)));
        save_members(archive, *fresh, 0);
        Input again(members);
        if (members.plain) load_members(again, *fresh, 0);
        members.plain = members.plain && again.is_complete();
      } catch (...) {  // it wants an object that is more than new
        members.plain = false;
      }
      check_names();
    } else {
      members.plain = false;
    }
    if (!members.plain) return;
    ops.kind = members.names.empty() ? TypeKind::none : TypeKind::record;
    ops.role = role_of<T>();
    ops.names = members.names;
    ops.types = members.types;
    ops.children = [](void* object, void** out) { static_cast<void>(is_as_known(as<T>(object), out)); };
    ops.loaded = [](void* object) {
      HandedMembers here;
      here.types = row().members.types;
      here.addresses.resize(here.types.size());
      static_cast<void>(is_as_known(as<T>(object), here.addresses.data()));
      Input archive(here);
      load_members(archive, as<T>(object), 0);
      if (!archive.is_complete())
        throw ArgumentError("the cereal function serialize of " + std::string(type_name<T>) +
                            " hands over other members once its values are loaded; describe the class with Reflect<T>");
    };
  }
  RunTimeRow(const RunTimeRow&) = delete;

  void check_names() const {
    for (auto name = members.names.begin(); name != members.names.end(); ++name)
      if (std::find(members.names.begin(), name, *name) != name)
        throw ArgumentError("the cereal function serialize of " + std::string(type_name<T>) + " hands over two members named \"" +
                            std::string(*name) + "\"");
  }
  static bool is_as_known(const T& object, void** addresses) {
    MemberRun run{.known = &row().members, .addresses = addresses};
    Output archive(run, Held::of(std::addressof(object), sizeof(T)));
    save_members(archive, object, 0);
    return run.is_complete();
  }
  static const RunTimeRow& row() {
    static const RunTimeRow made;
    return made;
  }
  // The row of that object, or of one that does not exist yet.
  static const TypeOps& of(const void* object) {
    const RunTimeRow& made = row();
    if (!made.members.plain || (object && !is_as_known(as<T>(object), nullptr))) return made.recorded;
    return made.ops;
  }
};

// A class that one number or text stands for.
template <class T>
constexpr TypeOps minimal_row() {
  using Value = MinimalValue<T>;
  TypeOps ops{.kind = TypeKind::leaf, .type_name = type_name<T>};
  if constexpr (std::is_same_v<Value, std::string>) {
    ops.leaf = {.kind = LeafKind::string, .extents = free_vector};
    ops.stage = [](const void* object, TreeView& view) {
      MemberRun none;
      const Output archive(none, {});
      return text_leaf(view.names.emplace_back(save_minimal(archive, as<T>(object), 0)));
    };
    ops.assign = [](void* object, const LeafView& leaf) {
      const Input archive((Input::Replay()));
      load_minimal(archive, as<T>(object), std::string(leaf.text), 0);
    };
  } else {
    ops.leaf = {.kind = scalar_kind<Value>, .dtype = dtype_of<Value>};
    ops.stage = [](const void* object, TreeView& view) {
      MemberRun none;
      const Output archive(none, {});
      const Value value = save_minimal(archive, as<T>(object), 0);
      std::byte* to = view.stage(sizeof value);
      std::memcpy(to, &value, sizeof value);
      return array_leaf(ArrayView::dense(dtype_of<Value>, to, {}), scalar_kind<Value>);
    };
    ops.assign = [](void* object, const LeafView& leaf) {
      Value value;
      std::memcpy(&value, leaf.array.data, sizeof value);
      const Input archive((Input::Replay()));
      load_minimal(archive, as<T>(object), value, 0);
    };
  }
  return ops;
}

template <class T>
constexpr TypeOps described_row() {
  if constexpr (!check_functions<T>()) {
    return {};
  } else if constexpr (is_inherited<T>) {
    static_assert(never<T>,
                  "orrery: this class inherits the cereal function serialize of its base, which leaves out its own members; give it a "
                  "serialize that hands over cereal::base_class<Base>(this) and its members");
    return {};
  } else if constexpr (UnversionedMinimal<T>) {
    using Value = MinimalValue<T>;
    if constexpr (Element<Value> || std::is_same_v<Value, std::string>)
      return minimal_row<T>();
    else
      return recorded_row<T>();
  } else if constexpr (PlainSerialize<T>) {
    TypeOps ops{.kind = TypeKind::variant,
                .type_name = type_name<T>};  // a variant without alternatives: whoever ignores `deferred` fails loudly
    ops.active = [](const void*) { return static_cast<std::size_t>(-1); };
    ops.deferred = [](const void* object) -> const TypeOps& { return RunTimeRow<T>::of(object); };
    return ops;
  } else {
    return recorded_row<T>();
  }
}

}  // namespace detail::cereal_adapter

template <class T>
  requires detail::cereal_adapter::Described<T>
struct route<cereal_route, T> {
  static constexpr TypeOps ops() { return detail::cereal_adapter::described_row<T>(); }
};

// Pointers whose objects only cereal can make, or of which only cereal knows the true type, also outside of classes that it describes.
template <class T, class D>
  requires detail::cereal_adapter::ByFunctions<T> && detail::cereal_adapter::NeedsCereal<T>
struct ContainerTraits<std::unique_ptr<T, D>> {
  static constexpr TypeOps ops() { return detail::cereal_adapter::recorded_row<std::unique_ptr<T, D>>(); }
};
template <class T>
  requires detail::cereal_adapter::ByFunctions<T> && detail::cereal_adapter::NeedsCereal<T>
struct ContainerTraits<std::shared_ptr<T>> {
  static constexpr TypeOps ops() { return detail::cereal_adapter::recorded_row<std::shared_ptr<T>>(); }
};

}  // namespace orrery::inline v0
