// Classes with cereal's serialize as records, and with save_minimal and load_minimal as leaves. Speaks for classes that are no
// aggregates, and for those whose Reflect<T> derives from via_cereal<T>. Include it before the first use of such a class.
// Which members serialize hands over is known only when it runs: the row is made at first use, from that object or from a fresh one, and
// every object must hand over the same members after that. serialize runs to find members, never to load them: code in it that acts
// on loading does not run. Pairs of save and load are refused: they say nothing about where the members are.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <deque>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <cereal/cereal.hpp>
#include <cereal/types/base_class.hpp>

#include "orrery/core/error.hpp"
#include "orrery/fwd.hpp"
#include "orrery/reflect/kind.hpp"
#include "orrery/reflect/records.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0 {

namespace detail {

// The members that a run of serialize handed over. Unnamed ones are called value0, value1, ..., as in cereal's own text archives.
struct HandedMembers {
  std::vector<std::string_view> names{};
  std::vector<const TypeOps*> types{};
  std::deque<std::string> texts{};  // of the names: those that serialize hands over may be gone when it returns
};

// The archive that serialize is given. The first run of a class notes its members; later ones hold what they see against those and take
// the addresses.
class MemberCollector : public cereal::traits::TextArchive {
 public:
  using is_saving = std::true_type;
  using is_loading = std::false_type;

  explicit MemberCollector(HandedMembers& first) : first_(&first) {}
  MemberCollector(const HandedMembers& known, void** addresses) : known_(&known), addresses_(addresses) {}
  MemberCollector(const MemberCollector&) = delete;

  // Whether a later run handed over the known members, in their order.
  bool is_complete() const noexcept { return same_ && count_ == known_->names.size(); }

  template <class... A>
  MemberCollector& operator()(A&&... argument) {
    (add(std::forward<A>(argument)), ...);
    return *this;
  }
  template <class A>
  MemberCollector& operator&(A&& argument) {
    return (*this)(std::forward<A>(argument));
  }
  template <class A>
  MemberCollector& operator<<(A&& argument) {
    return (*this)(std::forward<A>(argument));
  }

 private:
  template <class T>
  void add(cereal::NameValuePair<T>&& pair) {
    named(pair.name, pair.value, std::is_reference<decltype(pair.value)>());
  }
  template <class T>
  void add(cereal::NameValuePair<T>& pair) {
    named(pair.name, pair.value, std::is_reference<decltype(pair.value)>());
  }
  template <class T>
  void add(cereal::DeferredData<T>&& deferred) {
    add(deferred.value);
  }
  template <class T>
  void add(cereal::BinaryData<T>&&) {
    static_assert(storable<T>, "orrery: serialize hands over cereal::binary_data, which has no element type; hand over the member itself");
  }
  template <class T>
  void add(cereal::SizeTag<T>&&) {
    static_assert(storable<T>, "orrery: serialize hands over a size tag; hand over the container itself");
  }
  template <class Base>
  void add(cereal::base_class<Base>&& base) {
    members_of(*base.base_ptr);
  }
  template <class Base>
  void add(cereal::virtual_base_class<Base>&& base) {
    const void* at = base.base_ptr;
    if (std::find(bases_.begin(), bases_.end(), at) != bases_.end()) return;  // the other side of a diamond brought it
    bases_.push_back(at);
    members_of(*base.base_ptr);
  }
  template <class T>
  void add(T& member) {
    note("value" + std::to_string(unnamed_++), member);
  }
  template <class T>
    requires(!std::is_lvalue_reference_v<T>)
  void add(T&&) {
    temporary<T>();
  }

  template <class T>
  void named(const char* name, T& member, std::true_type) {
    note(name, member);
  }
  template <class Base>
  void named(const char* name, cereal::base_class<Base>& base, std::false_type) {
    note(name, *base.base_ptr);
  }
  template <class T>
  void named(const char*, T&, std::false_type) {
    temporary<T>();
  }
  template <class T>
  static void temporary() {
    static_assert(
        storable<T>,
        "orrery: serialize hands over a temporary, which cannot be restored into; hand over the member itself, or write Reflect<T>");
  }

  template <class T>
  void note(std::string_view name, T& member) {
    note(name, ops_of<T>::value, address_of(member));
  }
  void note(std::string_view name, const TypeOps& type, void* address) {
    if (first_) {
      first_->names.push_back(first_->texts.emplace_back(name));
      first_->types.push_back(&type);
    } else {
      same_ = same_ && count_ < known_->names.size() && known_->types[count_] == &type && known_->names[count_] == name;
      if (same_) addresses_[count_] = address;
    }
    ++count_;
  }
  // A base's members stand among those of the class, as in Reflect<T>'s base<B>().
  template <class Base>
  void members_of(Base& base);

  HandedMembers* first_ = nullptr;
  const HandedMembers* known_ = nullptr;
  void** addresses_ = nullptr;
  std::size_t count_ = 0;
  std::size_t unnamed_ = 0;
  bool same_ = true;
  std::vector<const void*> bases_{};  // virtual ones, each of which comes once
};

namespace cereal_adapter {

namespace traits = cereal::traits;

template <class T>
concept HasMember = traits::has_member_serialize<T, MemberCollector>::value;
template <class T>
concept HasVersionedMember = traits::has_member_versioned_serialize<T, MemberCollector>::value;
template <class T>
concept HasFree = traits::has_non_member_serialize<T, MemberCollector>::value;
template <class T>
concept HasVersionedFree = traits::has_non_member_versioned_serialize<T, MemberCollector>::value;
template <class T>
concept HasSerialize = HasMember<T> || HasVersionedMember<T> || HasFree<T> || HasVersionedFree<T>;

template <class T>
concept HasMinimalMember =
    requires(const MemberCollector& archive, const T& value) { cereal::access::member_save_minimal(archive, value); };
template <class T>
concept HasSaveMember = requires(MemberCollector& archive, const T& value) { cereal::access::member_save(archive, value); } ||
                        requires(MemberCollector& archive, const T& value) { cereal::access::member_save(archive, value, 0u); };
template <class T>
concept HasSaveFree = requires(MemberCollector& archive, const T& value) { CEREAL_SAVE_FUNCTION_NAME(archive, value); };

template <HasSerialize T>
void run_serialize(MemberCollector& archive, T& value) {
  if constexpr (HasMember<T>)
    cereal::access::member_serialize(archive, value);
  else if constexpr (HasVersionedMember<T>)
    cereal::access::member_serialize(archive, value, cereal::detail::Version<T>::version);
  else if constexpr (HasFree<T>)
    CEREAL_SERIALIZE_FUNCTION_NAME(archive, value);
  else
    CEREAL_SERIALIZE_FUNCTION_NAME(archive, value, cereal::detail::Version<T>::version);
}

// The class that declares the member function serialize, where that can be seen.
template <class C, class R, class... A>
C owner_of(R (C::*)(A...));
template <class T>
auto declarer(int) -> decltype(owner_of(&T::template CEREAL_SERIALIZE_FUNCTION_NAME<MemberCollector>));
template <class T>
T declarer(...);
template <class T>
inline constexpr bool is_inherited = !std::is_same_v<decltype(declarer<T>(0)), T>;

[[noreturn]] inline void throw_other_members(std::string_view type) {
  throw ArgumentError("the cereal function serialize of " + std::string(type) +
                      " does not hand over the same members for every object; describe the class with Reflect<T>");
}
[[noreturn]] inline void throw_same_name(std::string_view type, std::string_view name) {
  throw ArgumentError("the cereal function serialize of " + std::string(type) + " hands over two members named \"" + std::string(name) +
                      "\"");
}
[[noreturn]] inline void throw_no_object(std::string_view type) {
  throw ArgumentError(std::string(type) +
                      " has no default constructor, so that its members are known only from an object; restore into an existing one");
}

// What the first run of serialize found out.
template <class T>
struct RunTimeRow {
  HandedMembers members{};
  TypeOps ops{};

  explicit RunTimeRow(const void* object) {
    MemberCollector archive(members);
    if (object) {
      run_serialize(archive, const_cast<T&>(as<T>(object)));
    } else if constexpr (std::is_default_constructible_v<T>) {
      T fresh{};
      run_serialize(archive, fresh);
    } else {
      throw_no_object(type_name<T>);
    }
    for (auto name = members.names.begin(); name != members.names.end(); ++name)
      if (std::find(members.names.begin(), name, *name) != name) throw_same_name(type_name<T>, *name);
    ops.kind = members.names.empty() ? TypeKind::none : TypeKind::record;
    ops.role = role_of<T>();
    ops.type_name = type_name<T>;
    ops.names = members.names;
    ops.types = members.types;
    ops.children = [](void* value, void** out) {
      MemberCollector again(row(value).members, out);
      run_serialize(again, as<T>(value));
      if (!again.is_complete()) throw_other_members(type_name<T>);
    };
  }
  RunTimeRow(const RunTimeRow&) = delete;

  static const RunTimeRow& row(const void* object) {
    static const RunTimeRow made(object);
    return made;
  }
};

// These may look at the type of the archive, and cannot use it.
template <class T>
auto save_minimal(const T& value) {
  HandedMembers none;
  const MemberCollector archive(none);
  return cereal::access::member_save_minimal(archive, value);
}
template <class T, class Value>
void load_minimal(T& value, const Value& from) {
  HandedMembers none;
  const MemberCollector archive(none);
  cereal::access::member_load_minimal(archive, value, from);
}

// A class that one number or text stands for.
template <class T>
constexpr TypeOps minimal_row() {
  using Value = decltype(save_minimal(std::declval<const T&>()));
  static_assert(Element<Value> || std::is_same_v<Value, std::string>, "orrery: save_minimal must return a number or a std::string");
  TypeOps ops{.kind = TypeKind::leaf, .type_name = type_name<T>};
  if constexpr (std::is_same_v<Value, std::string>) {
    ops.leaf = {.kind = LeafKind::string, .extents = free_vector};
    ops.stage = [](const void* object, TreeView& view) { return text_leaf(view.names.emplace_back(save_minimal(as<T>(object)))); };
    ops.assign = [](void* object, const LeafView& leaf) { load_minimal(as<T>(object), std::string(leaf.text)); };
  } else {
    ops.leaf = {.kind = scalar_kind<Value>, .dtype = dtype_of<Value>};
    ops.stage = [](const void* object, TreeView& view) {
      const Value value = save_minimal(as<T>(object));
      std::byte* to = view.stage(sizeof value);
      std::memcpy(to, &value, sizeof value);
      return array_leaf(ArrayView::dense(dtype_of<Value>, to, {}), scalar_kind<Value>);
    };
    ops.assign = [](void* object, const LeafView& leaf) {
      Value value;
      std::memcpy(&value, leaf.array.data, sizeof value);
      load_minimal(as<T>(object), value);
    };
  }
  return ops;
}

template <class T>
constexpr TypeOps record_row() {
  static_assert(
      !is_inherited<T>,
      "orrery: this class inherits the cereal function serialize of its base, which leaves out its own members; give it a serialize that "
      "hands over cereal::base_class<Base>(this) and its members");
  TypeOps ops{.kind = TypeKind::variant,
              .type_name = type_name<T>};  // a variant without alternatives: whoever ignores `deferred` fails loudly
  ops.active = [](const void*) { return static_cast<std::size_t>(-1); };
  ops.deferred = [](const void* object) -> const TypeOps& { return RunTimeRow<T>::row(object).ops; };
  return ops;
}

}  // namespace cereal_adapter

template <class Base>
void MemberCollector::members_of(Base& base) {
  if constexpr (Complete<Record<Base>>) {
    using Members = Record<Base>;
    constexpr std::size_t count = Members::names.size();
    void* addresses[count + 1];
    Members::addresses(base, addresses);
    for (std::size_t i = 0; i < count; ++i) note(Members::names[i], *Members::types::rows()[i], addresses[i]);
  } else if constexpr (cereal_adapter::HasSerialize<Base>) {
    cereal_adapter::run_serialize(*this, base);
  } else {
    static_assert(storable<Base>,
                  "orrery: serialize hands over a base class that nothing describes; give it a serialize, or write Reflect<Base>");
  }
}

}  // namespace detail

template <class T>
  requires detail::cereal_adapter::HasSerialize<T> || detail::cereal_adapter::HasMinimalMember<T> ||
           detail::cereal_adapter::HasSaveMember<T> || detail::cereal_adapter::HasSaveFree<T>
struct route<cereal_route, T> {
  static constexpr TypeOps ops() {
    using namespace detail::cereal_adapter;
    if constexpr (HasSerialize<T>) {
      return record_row<T>();
    } else if constexpr (HasMinimalMember<T>) {
      return minimal_row<T>();
    } else {
      static_assert(detail::storable<T>,
                    "orrery: this class has a pair of cereal functions save and load, which does not say where its members are; give it "
                    "one serialize "
                    "for both, or write Reflect<T>");
      return {};
    }
  }
};

}  // namespace orrery::inline v0
