// What adapters/cereal/output_archive.hpp declares.
#pragma once

#include <exception>

#include "orrery/adapters/cereal/output_archive.hpp"
#include "orrery/core/copy.hpp"
#include "orrery/core/log.hpp"

namespace orrery::inline v0::cereal_archives {

inline OutputArchive::~OutputArchive() {
  if (!sink_ || std::uncaught_exceptions() > unwinding_) return;  // half a state is not written
  try {
    close();
  } catch (const std::exception& error) {
    log(LogLevel::error, std::string("cereal_archives::OutputArchive: ") + error.what());
  }
}
inline void OutputArchive::close() {
  if (!sink_) return;
  const std::function<void(const TreeView&)> write = std::exchange(sink_, nullptr);
  out_->nodes[top_.node].count = top_.count;
  out_->leave(top_.node);
  write(*out_);
}

template <class A>
void OutputArchive::item(const A& argument) {
  using namespace detail::cereal_adapter;
  if constexpr (is_pair<A>)
    named(argument.name, argument.value);
  else if constexpr (is_deferred<A>)
    item(argument.value);
  else if constexpr (is_map_item<A>)
    (*this)(cereal::make_nvp("key", argument.key), cereal::make_nvp("value", argument.value));
  else if constexpr (is_base<A>)
    members_of(*argument.base_ptr);
  else if constexpr (is_virtual_base<A>) {
    std::vector<const void*>& bases = frame_->bases;
    if (std::find(bases.begin(), bases.end(), argument.base_ptr) != bases.end()) return;  // the other side of a diamond brought it
    bases.push_back(argument.base_ptr);
    members_of(*argument.base_ptr);
  } else if constexpr (is_size<A>) {
    if (run_) {
      run_->add_other();
    } else if (frame_->count == 0 && frame_ != &top_) {  // what follows are the elements
      frame_->is_list = true;
      out_->nodes[frame_->node].kind = NodeKind::list;
    } else {
      put(nullptr, static_cast<std::uint64_t>(argument.size));
    }
  } else if constexpr (BinaryElement<A>::is_binary) {
    binary<typename BinaryElement<A>::type>(argument.data, argument.size);
  } else {
    put(nullptr, argument);
  }
}

template <class T>
void OutputArchive::named(const char* name, const T& value) {
  using namespace detail::cereal_adapter;
  if constexpr (is_pointer_wrapper<T>) {  // of a polymorphic object, whose true type cereal has found
    pointee(polymorphic_at_, *value.ptr, false, polymorphic_held_);
  } else if constexpr (is_base<T> || is_virtual_base<T>) {
    put(name, *value.base_ptr);
  } else if constexpr (is_deferred<T>) {
    named(name, value.value);
  } else if constexpr (is_size<T> || BinaryElement<T>::is_binary) {
    item(value);
  } else {
    if constexpr (std::is_same_v<T, std::string>)
      if (polymorphic_at_.data() && std::string_view(name) == "polymorphic_name") return static_cast<void>(polymorphic_name_ = value);
    if constexpr (std::is_same_v<T, std::uint32_t>)
      if (polymorphic_at_.data() && std::string_view(name) == "polymorphic_id") return;
    put(name, value);
  }
}

inline std::string_view OutputArchive::member_name(const char* name) {
  if (frame_->is_list) return {};
  const std::string_view key = name ? keep(name) : keep("value" + std::to_string(frame_->unnamed++));
  if (std::find(frame_->names.begin(), frame_->names.end(), key) != frame_->names.end())
    throw ArgumentError("two members named \"" + std::string(key) + "\" are handed to the archive", {path_text()});
  frame_->names.push_back(key);
  return key;
}

template <class T>
void OutputArchive::put(const char* name, const T& value) {
  if (run_) {
    const bool lies_here = held_.holds(std::addressof(value), sizeof value);
    if constexpr (detail::cereal_adapter::is_plain<T>())
      if (lies_here) return note(name, value);
    return run_->add_other();
  }
  const std::string_view key = member_name(name);
  const PathLink link{path_, key, frame_->count++, frame_->is_list};
  const Below below(*this, &link);
  write(key, value, held_.holds(std::addressof(value), sizeof value) ? Held::of(std::addressof(value), sizeof value) : Held());
}

template <class T>
void OutputArchive::note(const char* name, const T& value) {
  void* address = const_cast<void*>(static_cast<const volatile void*>(std::addressof(value)));
  if (name) return run_->add(name, ops_of<T>::value, address);
  run_->add("value" + std::to_string(frame_->unnamed++), ops_of<T>::value, address);
}

inline void OutputArchive::put_row(std::string_view name, const TypeOps& ops, void* address) {
  if (run_) return run_->add(name, ops, address);
  const std::string_view key = member_name(std::string(name).c_str());
  const PathLink link{path_, key, frame_->count++, false};
  const Below below(*this, &link);
  row(ops, address, key);
}

template <class T>
void OutputArchive::write(std::string_view key, const T& value, Held held) {
  using namespace detail::cereal_adapter;
  if (depth_ > orrery::detail::max_nesting)
    throw ArgumentError("the state nests deeper than 512 levels; pointers that form a cycle cannot be stored", {path_text()});
  const Held before = std::exchange(held_, held);
  Frame* const above = std::exchange(frame_, nullptr);
  if constexpr (std::is_pointer_v<T>)
    detail::refuse<T, Refusal::pointer>();
  else if constexpr (OwnLeaf<T> || detail::HasFields<T>)
    row(ops_of<T>::value, std::addressof(value), key);
  else if constexpr (detail::Complete<StandardType<T>>)
    StandardType<T>::save(*this, key, value);
  else if constexpr (Described<T>)
    object(key, value);
  else
    row(ops_of<T>::value, std::addressof(value), key);
  frame_ = above;
  held_ = before;
}

template <class T>
void OutputArchive::object(std::string_view key, const T& value) {
  using namespace detail::cereal_adapter;
  if constexpr (check_functions<T>()) {
    if constexpr (UnversionedMinimal<T>)
      if (polymorphic_name_.empty()) return write(key, save_minimal(*this, value, 0), Held());
    std::uint32_t version = 0;
    Frame frame{.node = out_->enter(NodeKind::record, key, 0), .key = key};
    frame_ = &frame;
    if (!polymorphic_name_.empty()) {
      const std::string_view name = keep(std::exchange(polymorphic_name_, {}));
      ++frame.count;
      out_->leaf(polymorphic_key, {LeafKind::string, 0, {}, name});
    }
    if constexpr (Versioned<T>) {
      version = current_version<T>();
      const std::int64_t stored = version;
      std::byte* to = out_->stage(sizeof stored);
      std::memcpy(to, &stored, sizeof stored);
      ++frame.count;
      out_->leaf(version_key, {LeafKind::scalar, 0, ArrayView::dense(DType::int64, to, {}), {}});
    }
    if constexpr (Minimal<T>)
      put(nullptr, save_minimal(*this, value, version));
    else
      save_members(*this, value, version);
    if (frame.is_folded) return;
    out_->nodes[frame.node].count = frame.count;
    out_->leave(frame.node);
  }
}

template <class Base>
void OutputArchive::members_of(const Base& base) {
  using namespace detail::cereal_adapter;
  if constexpr (detail::Complete<detail::Record<Base>>) {
    using Members = detail::Record<Base>;
    constexpr std::size_t count = Members::names.size();
    void* addresses[count + 1];
    Members::addresses(const_cast<Base&>(base), addresses);
    for (std::size_t i = 0; i < count; ++i) put_row(Members::names[i], *Members::types::rows()[i], addresses[i]);
  } else if constexpr (Described<Base>) {
    if constexpr (check_functions<Base>()) {
      if constexpr (Minimal<Base>) {
        put(nullptr, base);
      } else if constexpr (Versioned<Base>) {
        const std::int64_t version = current_version<Base>();
        if (run_)
          run_->add_other();
        else
          put((std::string(version_key) + "." + std::string(type_name<Base>)).c_str(), version);
        save_members(*this, base, static_cast<std::uint32_t>(version));
      } else {
        save_members(*this, base, 0);
      }
    }
  } else {
    static_assert(never<Base>,
                  "orrery: serialize hands over a base class that nothing describes; give it a serialize, or write Reflect<Base>");
  }
}

template <class T>
void OutputArchive::binary(const void* data, std::uint64_t size) {
  if (run_) return run_->add_other();
  std::byte* to = out_->stage(size);
  if (size) std::memcpy(to, data, size);
  LeafView leaf{LeafKind::array, 0, ArrayView::dense(dtype_of<T>, to, Shape{static_cast<Dim>(size / sizeof(T))}), {}};
  if (frame_->is_list && frame_->count == 0) {  // the elements of the list in one run: the list is an array
    out_->nodes.resize(frame_->node);
    frame_->is_folded = true;
    return out_->leaf(frame_->key, std::move(leaf));
  }
  const std::string_view key = member_name(nullptr);
  ++frame_->count;
  out_->leaf(key, std::move(leaf));
}

// As orrery itself would store it.
inline void OutputArchive::row(const TypeOps& ops, const void* value, std::string_view key) {
  const std::size_t node = out_->nodes.size(), leaf = out_->leaves.size();
  detail::Describer(*out_).node(ops, value, key, path_, depth_);
  if (held_.empty()) own(node, leaf);
}

// Copies what will be gone when the function that handed it over returns.
inline void OutputArchive::own(std::size_t first_node, std::size_t first_leaf) {
  for (std::size_t i = first_node; i < out_->nodes.size(); ++i)
    if (!out_->nodes[i].name.empty()) out_->nodes[i].name = keep(out_->nodes[i].name);
  for (std::size_t i = first_leaf; i < out_->leaves.size(); ++i) {
    LeafView& leaf = out_->leaves[i];
    if (leaf.parts)
      throw ArgumentError("a sharded array that lives only while a cereal function runs cannot be stored; hand over the member",
                          {path_text()});
    if (leaf.text.data()) leaf.text = keep(leaf.text);
    if (!leaf.array.data || leaf.array.dtype == DType::none) continue;
    std::byte* to = out_->stage(leaf.array.nbytes());
    const ArrayView copy = ArrayView::dense(leaf.array.dtype, to, leaf.array.shape);
    cast_copy(leaf.array, copy);
    leaf.array = copy;
  }
}

// An object whose true type may be known to cereal alone.
template <class T>
void OutputArchive::pointee(std::string_view key, const T& value, bool is_shared, bool is_held) {
  if constexpr (std::is_polymorphic_v<T>) {
    if (const std::type_info& type = typeid(value); type != typeid(T)) {
      const auto& bindings = cereal::detail::StaticObject<cereal::detail::OutputBindingMap<OutputArchive>>::getInstance().map;
      const auto binding = bindings.find(std::type_index(type));
      if (binding == bindings.end())
        throw ArgumentError("the polymorphic class " + cereal::util::demangle(type.name()) +
                                " is not registered: write CEREAL_REGISTER_TYPE for it after including orrery/adapters/cereal.hpp",
                            {path_text()});
      polymorphic_at_ = key.data() ? key : std::string_view("");
      polymorphic_held_ = is_held;
      (is_shared ? binding->second.shared_ptr : binding->second.unique_ptr)(this, std::addressof(value), typeid(T));
      return;
    }
  }
  polymorphic_at_ = {};
  if constexpr (!std::is_abstract_v<T>) {
    const std::size_t node = out_->nodes.size();
    write(key, value, is_held ? Held::of(std::addressof(value), sizeof value) : Held());
    if (out_->nodes.size() != node + 1 || out_->nodes[node].kind != NodeKind::record) return;
    // Without members it would look like no object.
    std::byte* to = out_->stage(1);
    *to = std::byte{1};
    out_->nodes[node].count = 1;
    out_->leaf(detail::cereal_adapter::valid_key, {LeafKind::scalar, 0, ArrayView::dense(DType::bool_, to, {}), {}});
    out_->leave(node);
  }
}

template <class T>
void OutputArchive::shared(std::string_view key, const std::shared_ptr<T>& pointer, bool is_held) {
  if (!pointer) return out_->none(key);
  const void* address = pointer.get();
  std::type_index type(typeid(*pointer));
  if constexpr (std::is_polymorphic_v<T>) address = dynamic_cast<const void*>(pointer.get());
  const auto [at, is_new] = shared_.try_emplace({address, type});
  Shared& known = at->second;
  if (is_new) {
    kept_.push_back(pointer);
    known.path = detail::cereal_adapter::json_pointer(path_, root_);
    pointee(key, *pointer, true, is_held);
    known.is_open = false;
  } else if (known.is_open) {
    throw ArgumentError(
        "shared pointers form a cycle, which a tree cannot hold; break it, or leave the pointer back out of the cereal functions",
        {path_text()});
  } else {
    const std::size_t node = out_->enter(NodeKind::record, key, 1);
    out_->leaf(detail::cereal_adapter::shared_key, {LeafKind::string, 0, {}, keep(known.path)});
    out_->leave(node);
  }
}

}  // namespace orrery::inline v0::cereal_archives
