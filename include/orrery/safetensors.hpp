// safetensors files, as the library of that name writes and reads them: a struct or tree into a file of flat names and back. Names are the
// keys on the way to an array joined with '.', as in PyTorch's state_dict ("layers.0.weight"); bytes are those of Python's
// safetensors.numpy.save_file. A file has arrays and a map of texts, nothing else: no None, no empty containers, no strings.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "orrery/core/copy.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/safetensors/format.hpp"
#include "orrery/reflect/reflectable.hpp"
#include "orrery/restore/report.hpp"
#include "orrery/storage/durability.hpp"
#include "orrery/tree.hpp"

namespace orrery::inline v0::safetensors {

struct SaveOptions {
  Metadata metadata{};                         // "__metadata__": texts by name, left out if empty
  bool overwrite = true;                       // as in Python; false: AlreadyExistsError where there is something
  Durability durability = Durability::synced;  // synced: on disk before save_file returns; fast: in the page cache
};

struct LoadOptions {
  bool allow_extra = true;          // tensors that the target does not have are ignored; false: StructureError lists them
  bool cast = false;                // any dtype may become any other; false: lossless widening alone
  RestoreReport* report = nullptr;  // filled with what was done, leaf by leaf
  Metadata* metadata = nullptr;     // filled with the file's "__metadata__"
};

template <class T>
inline constexpr bool is_options = std::is_same_v<T, LoadOptions> || std::is_same_v<T, SaveOptions>;

// Saves a struct, map or Tree; a scalar becomes an array of rank 0. Copies no payload; complete under its name, or what was there is still
// there. What holds no array leaves no trace in the file, so that empty optionals and containers come back empty. ArgumentError for what
// the format cannot hold: strings, PRNG keys, its missing dtypes (int4, complex128, ...), two leaves of one name; IoError.
template <PyTree T>
void save_file(const T& state, const std::string& path, const SaveOptions& options = {});

// The same bytes in memory.
template <PyTree T>
std::string save(const T& state, const Metadata& metadata = {});

// All tensors: a dict of arrays under their names as they stand in the file, sorted. NotFoundError, FormatError naming file and offset.
template <OnUse = OnUse()>
Tree load_file(const std::string& path, const LoadOptions& options = {});
template <OnUse = OnUse()>
Tree load(std::string_view bytes, const LoadOptions& options = {});

// A new T: names are cut as the type wants it (restore/dotted_names.hpp); maps of arrays keep whole names. MismatchError lists everything
// that does not fit.
template <PyTree T>
  requires(!is_options<T>)
T load_file(const std::string& path, const LoadOptions& options = {});

// A copy of `target` (std::move it in to avoid the copy) filled from the file; its structure decides.
template <class... Explicit, PyTree T>
  requires(!is_options<T> && (sizeof...(Explicit) == 0 || (std::is_same_v<Explicit, T> && ...)))
T load_file(const std::string& path, T target, const LoadOptions& options = {});

// The same from bytes in memory.
template <PyTree T>
  requires(!is_options<T>)
T load(std::string_view bytes, const LoadOptions& options = {});

// The texts of "__metadata__"; reads the header alone.
template <OnUse = OnUse()>
Metadata load_metadata(const std::string& path);

namespace detail {

template <OnUse = OnUse()>
void save_view(const TreeView& view, const std::string& path, const SaveOptions& options);

template <OnUse = OnUse()>
std::string bytes_of(const TreeView& view, const Metadata& metadata);

// `is_new`: the target is a fresh value whose type and the file decide, else its own structure decides.
template <OnUse = OnUse()>
void load_file_value(const std::string& path, const TypeOps& ops, void* target, bool is_new, const LoadOptions& options);
template <OnUse = OnUse()>
void load_bytes_value(std::string_view bytes, const TypeOps& ops, void* target, bool is_new, const LoadOptions& options);

ORRERY_ONCE(void save_view<>(const TreeView&, const std::string&, const SaveOptions&));
ORRERY_ONCE(std::string bytes_of<>(const TreeView&, const Metadata&));
ORRERY_ONCE(void load_file_value<>(const std::string&, const TypeOps&, void*, bool, const LoadOptions&));
ORRERY_ONCE(void load_bytes_value<>(std::string_view, const TypeOps&, void*, bool, const LoadOptions&));

}  // namespace detail

template <PyTree T>
void save_file(const T& state, const std::string& path, const SaveOptions& options) {
  detail::save_view(describe(state), path, options);
}

template <PyTree T>
std::string save(const T& state, const Metadata& metadata) {
  return detail::bytes_of(describe(state), metadata);
}

template <PyTree T>
  requires(!is_options<T>)
T load_file(const std::string& path, const LoadOptions& options) {
  T value{};
  detail::load_file_value(path, ops<T>(), std::addressof(value), true, options);
  return value;
}

template <class... Explicit, PyTree T>
  requires(!is_options<T> && (sizeof...(Explicit) == 0 || (std::is_same_v<Explicit, T> && ...)))
T load_file(const std::string& path, T target, const LoadOptions& options) {
  detail::load_file_value(path, ops<T>(), std::addressof(target), false, options);
  return target;
}

template <PyTree T>
  requires(!is_options<T>)
T load(std::string_view bytes, const LoadOptions& options) {
  T value{};
  detail::load_bytes_value(bytes, ops<T>(), std::addressof(value), true, options);
  return value;
}

ORRERY_ONCE(Tree load_file<>(const std::string&, const LoadOptions&));
ORRERY_ONCE(Tree load<>(std::string_view, const LoadOptions&));
ORRERY_ONCE(Metadata load_metadata<>(const std::string&));

}  // namespace orrery::inline v0::safetensors

#ifndef ORRERY_COMPILED
#include "orrery/safetensors_impl.hpp"  // IWYU pragma: export
#endif
