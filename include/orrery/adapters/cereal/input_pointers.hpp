// How InputArchive reads smart pointers: objects that several of them share, classes that cereal knows by name, and those that only
// load_and_construct can make. cereal's own functions for pointers do the making; they are told what they ask for.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

#include "orrery/adapters/cereal/input_archive.hpp"

namespace orrery::inline v0::cereal_archives {

inline const Tree& InputArchive::at(std::string_view pointer) const {
  const Tree* tree = root_;
  while (tree && !pointer.empty()) {
    const std::size_t end = std::min(pointer.find('/', 1), pointer.size());
    std::string key;
    for (std::size_t i = 1; i < end; ++i) {
      if (pointer[i] == '~' && i + 1 < end)
        key += pointer[++i] == '1' ? '/' : '~';
      else
        key += pointer[i];
    }
    pointer.remove_prefix(end);
    if (std::size_t index = 0; tree->is_dict())
      tree = tree->find(key);
    else if (std::from_chars(key.data(), key.data() + key.size(), index).ec == std::errc() && index < tree->size())
      tree = &(*tree)[index];
    else
      tree = nullptr;
  }
  if (!tree || tree->contains(detail::cereal_adapter::shared_key))
    throw FormatError("a shared object is said to be at a place where none is", {path_text()});
  return *tree;
}

template <class T>
const auto& InputArchive::binding(const Tree& name) const {
  const auto& bindings = cereal::detail::StaticObject<cereal::detail::InputBindingMap<InputArchive>>::getInstance().map;
  const auto found = bindings.find(name.string());
  if (found == bindings.end())
    throw ArgumentError(
        "the polymorphic class " + name.string() +
            " is stored, which is not registered: write CEREAL_REGISTER_TYPE for it after including orrery/adapters/cereal.hpp",
        {path_text()});
  return found->second;
}

template <class Pointer>
void InputArchive::load_pointee(const Tree& stored, Pointer& pointer) {
  if constexpr (!std::is_abstract_v<typename Pointer::element_type>) {
    pointee_ = &stored;
    auto wrapper = cereal::memory_detail::make_ptr_wrapper(pointer);
    cereal::CEREAL_LOAD_FUNCTION_NAME(*this, wrapper);
    pointee_ = nullptr;
  } else {
    wrong_kind("an object that says which class it is of", stored);
  }
}

template <class T>
void InputArchive::shared(const Tree& stored, std::shared_ptr<T>& pointer) {
  using namespace detail::cereal_adapter;
  if (stored.is_none()) return pointer.reset();
  const Tree* object = &stored;
  shared_at_ = json_pointer(path_, nullptr);
  if (const Tree* reference = stored.find(shared_key)) {
    shared_at_ = reference->string();
    object = &at(shared_at_);
  }
  if constexpr (std::is_polymorphic_v<T>) {
    if (const Tree* name = object->find(polymorphic_key)) {
      std::shared_ptr<void> result;
      const auto& load = binding<T>(*name).shared_ptr;
      pointee_ = object;
      load(this, result, typeid(T));
      pointer = std::static_pointer_cast<T>(result);
      return;
    }
  }
  load_pointee(*object, pointer);
}

template <class T, class D>
void InputArchive::unique(const Tree& stored, std::unique_ptr<T, D>& pointer) {
  using namespace detail::cereal_adapter;
  if (stored.is_none()) return pointer.reset();
  if constexpr (std::is_polymorphic_v<T>) {
    if (const Tree* name = stored.find(polymorphic_key)) {
      std::unique_ptr<void, cereal::detail::EmptyDeleter<void>> result;
      const auto& load = binding<T>(*name).unique_ptr;
      pointee_ = &stored;
      load(this, result, typeid(T));
      pointer.reset(static_cast<T*>(result.release()));
      return;
    }
  }
  load_pointee(stored, pointer);
}

}  // namespace orrery::inline v0::cereal_archives
