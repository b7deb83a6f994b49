// What adapters/cereal/input_archive.hpp declares.
#pragma once

#include "orrery/adapters/cereal/input_archive.hpp"

namespace orrery::inline v0::cereal_archives {

template <class A>
void InputArchive::item(A& argument) {
  using namespace detail::cereal_adapter;
  using T = std::remove_const_t<A>;
  if constexpr (is_pair<T>)
    named(argument.name, argument.value);
  else if constexpr (is_deferred<T>)
    item(argument.value);
  else if constexpr (is_map_item<T>) {
    named("key", argument.key);
    named("value", argument.value);
  } else if constexpr (is_base<T>)
    members_of(*argument.base_ptr);
  else if constexpr (is_virtual_base<T>) {
    std::vector<const void*>& bases = frame_->bases;
    if (std::find(bases.begin(), bases.end(), argument.base_ptr) != bases.end()) return;
    bases.push_back(argument.base_ptr);
    members_of(*argument.base_ptr);
  } else if constexpr (is_size<T>) {
    using Size = std::remove_cvref_t<decltype(argument.size)>;
    if (members_) return static_cast<void>(is_same_ = false);
    const Tree& tree = *frame_->tree;
    if (tree.is_leaf() && tree.shape().size() == 1)
      const_cast<Size&>(argument.size) = static_cast<Size>(tree.shape()[0]);
    else if (frame_->next == 0 && frame_->unnamed == 0 && !tree.contains("value0"))
      const_cast<Size&>(argument.size) = static_cast<Size>(elements(tree, "a list").size());
    else
      take(nullptr, const_cast<Size&>(argument.size));
  } else if constexpr (BinaryElement<T>::is_binary) {
    binary<typename BinaryElement<T>::type>(argument.data, argument.size);
  } else {
    take(nullptr, argument);
  }
}

template <class T>
void InputArchive::named(const char* name, T& value) {
  using namespace detail::cereal_adapter;
  using Value = std::remove_const_t<T>;
  if constexpr (is_pointer_wrapper<Value>) {  // of a polymorphic object, whose true type cereal has found
    const Tree& stored = *pointee_;
    if constexpr (requires { value.ptr.use_count(); })
      load_pointee(stored, value.ptr);
    else
      cereal::CEREAL_LOAD_FUNCTION_NAME(*this, value);
  } else if constexpr (is_base<Value> || is_virtual_base<Value>) {
    take(name, *value.base_ptr);
  } else if constexpr (is_deferred<Value>) {
    named(name, value.value);
  } else if constexpr (is_size<Value> || BinaryElement<Value>::is_binary) {
    item(value);
  } else {
    if (pointee_) {
      const std::string_view asked(name);
      if constexpr (std::is_same_v<Value, std::uint32_t>)
        if (asked == "id") return static_cast<void>(value = shared_.contains(shared_at_) ? 1 : 1 | cereal::detail::msb_32bit);
      if constexpr (std::is_same_v<Value, std::uint8_t>)
        if (asked == "valid") return static_cast<void>(value = 1);
      if (asked == "data") return read(*std::exchange(pointee_, nullptr), value);
    }
    take(name, value);
  }
}

template <class T>
void InputArchive::take(const char* name, T& value) {
  if (members_) return seen(std::addressof(value));
  const Tree& tree = *frame_->tree;
  if (is_list()) {
    const std::size_t index = frame_->next++;
    if (index >= tree.size()) missing(std::to_string(index));
    return element(tree[index], {}, index, value);
  }
  const std::string key = name ? std::string(name) : "value" + std::to_string(frame_->unnamed++);
  if (const Tree* found = tree.find(key)) return element(*found, key, 0, value, false);
  // A tree that holds nothing but this value, as PyTreeCheckpointer saves it.
  if (!name && frame_ == &top_ && frame_->unnamed == 1) return read(tree, value);
  // Elements that followed a size, where a dict of numbers stands for the list.
  if (!name)
    if (const Tree* numbered = tree.find(std::to_string(frame_->unnamed - 1))) return element(*numbered, {}, frame_->unnamed - 1, value);
  missing(key);
}

inline void InputArchive::seen(const void* address) {
  is_same_ = is_same_ && count_ < members_->addresses.size() && members_->addresses[count_] == address;
  ++count_;
}

template <class T>
void InputArchive::read(const Tree& stored, T& target) {
  using namespace detail::cereal_adapter;
  using Value = std::remove_const_t<T>;
  Value& value = const_cast<Value&>(target);
  if (depth_ > orrery::detail::max_nesting) throw FormatError("the stored tree nests deeper than 512 levels", {path_text()});
  if constexpr (std::is_const_v<T>) {
    return;  // saved, never restored into
  } else {
    Frame* const above = std::exchange(frame_, nullptr);
    if constexpr (std::is_pointer_v<Value>)
      detail::refuse<Value, Refusal::pointer>();
    else if constexpr (OwnLeaf<Value> || detail::HasFields<Value>)
      fill(ops_of<Value>::value, std::addressof(value), stored);
    else if constexpr (detail::Complete<StandardType<Value>>)
      StandardType<Value>::load(*this, stored, value);
    else if constexpr (Described<Value>)
      object(stored, value);
    else
      fill(ops_of<Value>::value, std::addressof(value), stored);
    frame_ = above;
  }
}

template <class T>
void InputArchive::object(const Tree& stored, T& value) {
  using namespace detail::cereal_adapter;
  Frame frame{&stored};
  frame_ = &frame;
  if constexpr (is_constructing<T>) {
    value.CEREAL_SERIALIZE_FUNCTION_NAME(*this);
  } else if constexpr (check_functions<T>()) {
    std::uint32_t stored_version = 0;
    if constexpr (Versioned<T>) stored_version = version(version_key);
    if constexpr (Minimal<T>) {
      MinimalValue<T> from{};
      if (Versioned<T> || stored.contains(polymorphic_key)) {
        take(nullptr, from);
      } else {
        frame_ = nullptr;
        read(stored, from);
      }
      load_minimal(*this, value, from, stored_version);
    } else {
      if (stored.is_leaf() && stored.shape().size() != 1) wrong_kind("a dict (" + std::string(type_name<T>) + ")", stored);
      load_members(*this, value, stored_version);
    }
  }
}

template <class Base>
void InputArchive::members_of(Base& base) {
  using namespace detail::cereal_adapter;
  if constexpr (detail::Complete<detail::Record<Base>>) {
    using Members = detail::Record<Base>;
    constexpr std::size_t count = Members::names.size();
    void* addresses[count + 1];
    Members::addresses(base, addresses);
    for (std::size_t i = 0; i < count; ++i) {
      if (members_) {
        seen(addresses[i]);
        continue;
      }
      const Tree* found = frame_->tree->find(Members::names[i]);
      if (!found) missing(Members::names[i]);
      const PathLink link{path_, Members::names[i], 0, false};
      const Below below(*this, &link);
      fill(*Members::types::rows()[i], addresses[i], *found);
    }
  } else if constexpr (Described<Base>) {
    if constexpr (check_functions<Base>()) {
      if constexpr (Minimal<Base>)
        take(nullptr, base);
      else if constexpr (Versioned<Base>)
        load_members(*this, base, version(std::string(version_key) + "." + std::string(type_name<Base>)));
      else
        load_members(*this, base, 0);
    }
  }
}

template <class T>
void InputArchive::binary(void* data, std::uint64_t size) {
  if (members_) return static_cast<void>(is_same_ = false);
  const Tree* stored = frame_->tree;
  std::string key{};
  if (!stored->is_leaf()) {
    key = is_list() ? std::to_string(frame_->next++) : "value" + std::to_string(frame_->unnamed++);
    stored = is_list() ? &(*frame_->tree)[frame_->next - 1] : frame_->tree->find(key);
    if (!stored) missing(key);
  }
  const std::size_t count = static_cast<std::size_t>(size) / sizeof(T);
  if (!stored->is_leaf() || stored->shape().size() != 1) wrong_kind("an array of " + std::to_string(count) + " elements", *stored);
  Array<T> elements;
  fill(ops_of<Array<T>>::value, &elements, *stored);
  if (elements.view().size() != count)
    throw FormatError(
        "an array of " + std::to_string(elements.view().size()) + " elements is stored, one of " + std::to_string(count) + " is asked for",
        {path_text()});
  if (count) std::memcpy(data, elements.view().data, static_cast<std::size_t>(size));
}

inline std::uint32_t InputArchive::version(std::string_view key) const {
  const Tree* found = frame_->tree ? frame_->tree->find(key) : nullptr;
  return found ? found->scalar<std::uint32_t>() : 0;  // from before the class had versions
}

// As orrery itself would restore it: type and tree decide.
inline void InputArchive::fill(const TypeOps& ops, void* value, const Tree& stored) const {
  detail::Matcher matcher({});
  matcher.node(ops, nullptr, stored, {}, path_, depth_);
  if (!matcher.differences.empty())
    detail::throw_mismatch("What is stored does not fit what a cereal function asks for.", std::move(matcher.differences), {}, "");
  Slots slots = open_slots(matcher.plan, value);
  copy_held(slots);
  slots.finish();
}

inline std::vector<const Tree*> InputArchive::elements(const Tree& stored, std::string_view wanted) const {
  std::vector<const Tree*> out;
  if (detail::is_empty(stored)) return out;
  if (stored.is_list() || stored.is_tuple()) {
    for (const Tree& element : stored.elements()) out.push_back(&element);
  } else if (detail::is_numbered(stored)) {
    for (std::size_t i = 0; i < stored.size(); ++i) {
      const Tree* element = stored.find(std::to_string(i));
      if (!element) missing(std::to_string(i));
      out.push_back(element);
    }
  } else {
    wrong_kind(wanted, stored);
  }
  return out;
}

inline void InputArchive::wrong_kind(std::string_view wanted, const Tree& stored) const {
  Differences differences;
  differences.kinds.push_back({path_text(), "stored is " + std::string(stored.kind_name()) + ", wanted is " + std::string(wanted)});
  detail::throw_mismatch("What is stored does not fit what a cereal function asks for.", std::move(differences), {}, "");
}
inline void InputArchive::missing(std::string_view key) const {
  Differences differences;
  const PathLink link{path_, key, 0, false};
  differences.missing.push_back({to_string(&link), ""});
  detail::throw_mismatch("A cereal function asks for what is not stored.", std::move(differences), {}, "");
}

}  // namespace orrery::inline v0::cereal_archives
