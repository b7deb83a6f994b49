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
#include "orrery/flax/checkpoint_names.hpp"
#include "orrery/formats/safetensors/format.hpp"
#include "orrery/formats/safetensors/reader.hpp"
#include "orrery/formats/safetensors/writer.hpp"
#include "orrery/reflect/reflectable.hpp"
#include "orrery/restore/dotted_names.hpp"
#include "orrery/restore/match.hpp"
#include "orrery/restore/mismatch.hpp"
#include "orrery/restore/plan.hpp"
#include "orrery/restore/report.hpp"
#include "orrery/storage/atomic_file.hpp"
#include "orrery/storage/durability.hpp"
#include "orrery/storage/file.hpp"
#include "orrery/storage/gather_string.hpp"
#include "orrery/storage/gather_writer.hpp"
#include "orrery/storage/scatter_reader.hpp"
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
inline const std::string& checked_path(const std::string& path) {
  if (const std::size_t scheme = flax::detail::scheme_length(path))
    throw ArgumentError("\"" + path.substr(0, scheme) + "\" paths are not supported: mount the store and give a local path", {{}, path});
  return path;
}

template <class Writer>
void write(const Image& image, Writer& writer) {
  writer.append_copy(std::as_bytes(std::span(image.head)));
  for (const ArrayView* array : image.arrays) writer.append(*array);
  writer.flush();
}

template <OnUse = OnUse()>
void save_view(const TreeView& view, const std::string& path, const SaveOptions& options) {
  const Image image = image_of(view, options.metadata);
  storage::AtomicFile target(checked_path(path), {.overwrite = options.overwrite, .durability = options.durability});
  storage::GatherWriter writer(target.file(), {.checksums = false, .early_writeback = options.durability == Durability::synced});
  write(image, writer);
  target.commit();
}

// A file or its bytes, its header read.
class Stored {
 public:
  template <OnUse = OnUse()>
  explicit Stored(const std::string& path) : file_(storage::File::open(checked_path(path))) {
    const std::uint64_t size = file_.size();
    std::byte length[length_size] = {};
    const std::size_t have = static_cast<std::size_t>(std::min<std::uint64_t>(size, length_size));
    file_.pread_exactly(0, length, have);
    std::string text(static_cast<std::size_t>(header_size({length, have}, size, path)), '\0');
    file_.pread_exactly(length_size, text.data(), text.size());
    take(parse_header(text, size, path));
  }
  template <OnUse = OnUse()>
  explicit Stored(std::span<const std::byte> bytes) : bytes_(bytes) {
    const std::uint64_t size = header_size(bytes.first(std::min(bytes.size(), length_size)), bytes.size(), {});
    const auto* text = reinterpret_cast<const char*>(bytes.data() + length_size);
    take(parse_header({text, static_cast<std::size_t>(size)}, bytes.size(), {}));
  }

  const Tree& tree() const noexcept { return tree_; }
  const Metadata& metadata() const noexcept { return header_.metadata; }
  const std::string& path() const noexcept { return file_.path(); }

  // Straight into targets that hold elements as the file does; others by way of a buffer, one at a time.
  template <OnUse = OnUse()>
  void read(const std::vector<Slot>& slots) const {
    std::vector<storage::ReadRequest> requests;
    for (const Slot& slot : slots) {
      const Tensor& tensor = header_.tensors[slot.from->id()];
      const ArrayView& to = slot.to.array;
      if (to.dtype == tensor.dtype && to.is_c_contiguous()) requests.push_back(request(tensor, const_cast<void*>(to.data)));
    }
    fetch(requests);
    for (const Slot& slot : slots) {
      const Tensor& tensor = header_.tensors[slot.from->id()];
      const ArrayView& to = slot.to.array;
      if (to.dtype == tensor.dtype && to.is_c_contiguous()) {
        put_right(tensor.dtype, const_cast<void*>(to.data), to.size());
        continue;
      }
      AnyArray whole = AnyArray::uninitialized(tensor.dtype, tensor.shape);
      fetch({request(tensor, whole.data())});
      put_right(tensor.dtype, whole.data(), whole.size());
      cast_copy(whole.view(), to);
    }
  }

 private:
  template <OnUse = OnUse()>
  void take(Header&& header) {
    header_ = std::move(header);
    tree_ = tree_of(header_);
  }
  storage::ReadRequest request(const Tensor& tensor, void* to) const {
    return {header_.data_offset + tensor.begin, static_cast<std::size_t>(tensor.end - tensor.begin), to, {}, tensor.name};
  }
  template <OnUse = OnUse()>
  void fetch(const std::vector<storage::ReadRequest>& requests) const {
    if (file_.is_open()) return storage::read_scattered(file_, requests, false);
    for (const storage::ReadRequest& one : requests)
      if (one.size) std::memcpy(one.to, bytes_.data() + one.offset, one.size);
  }
  // Any byte but zero is true, as to NumPy; to C++ it must be 1.
  static void put_right(DType dtype, void* elements, std::size_t count) {
    if (dtype != DType::bool_) return;
    auto* bytes = static_cast<unsigned char*>(elements);
    for (std::size_t i = 0; i < count; ++i) bytes[i] = bytes[i] != 0;
  }

  storage::File file_{};
  std::span<const std::byte> bytes_{};
  Header header_{};
  Tree tree_{};
};

template <OnUse = OnUse()>
inline Tree load_tree(const Stored& stored, const LoadOptions& options) {
  Tree out;
  Slots slots;
  slots.materialize(stored.tree(), out);
  stored.read(slots.reads);
  if (options.metadata) *options.metadata = stored.metadata();
  if (options.report) {
    *options.report = {};
    for (const Tree::Item& item : stored.tree().items()) options.report->leaves.push_back({item.key.text, LeafAction::restored});
  }
  return out;
}

// `is_new`: the target is a fresh value whose type and the file decide, else its own structure decides.
template <OnUse = OnUse()>
inline void load_value(const Stored& stored, const TypeOps& ops, void* target, bool is_new, const LoadOptions& options) {
  constexpr std::string_view what = "the safetensors file does not fit the target";
  void* const object = is_new ? nullptr : target;
  NestedTree nested = nest(ops, object, stored.tree());
  const Where where{{}, stored.path(), {}};
  Plan plan = match(ops, object, nested.tree, {.allow_extra = options.allow_extra, .cast = options.cast}, what, where);
  if (!options.allow_extra && !nested.unplaced.empty()) {
    Differences differences;
    for (std::string& name : nested.unplaced) differences.extra.push_back({std::move(name), ""});
    orrery::detail::throw_mismatch(std::string(what), std::move(differences), where);
  }
  for (std::string& name : nested.unplaced) plan.ignored.push_back(std::move(name));
  Slots slots = open_slots(plan, target);
  slots.gather();
  stored.read(slots.reads);
  slots.finish();
  if (options.metadata) *options.metadata = stored.metadata();
  if (options.report) *options.report = report_of(plan);
}

template <OnUse = OnUse()>
std::string bytes_of(const TreeView& view, const Metadata& metadata) {
  const Image image = image_of(view, metadata);
  std::string out;
  storage::reserve_bytes(out, static_cast<std::size_t>(image.size));
  storage::GatherString writer(out, {.checksums = false});
  write(image, writer);
  return out;
}

template <OnUse = OnUse()>
void load_file_value(const std::string& path, const TypeOps& ops, void* target, bool is_new, const LoadOptions& options) {
  load_value(Stored(path), ops, target, is_new, options);
}

template <OnUse = OnUse()>
void load_bytes_value(std::string_view bytes, const TypeOps& ops, void* target, bool is_new, const LoadOptions& options) {
  load_value(Stored(std::as_bytes(std::span(bytes.data(), bytes.size()))), ops, target, is_new, options);
}

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

template <OnUse>
Tree load_file(const std::string& path, const LoadOptions& options) {
  return detail::load_tree(detail::Stored(path), options);
}
template <OnUse>
Tree load(std::string_view bytes, const LoadOptions& options) {
  return detail::load_tree(detail::Stored(std::as_bytes(std::span(bytes.data(), bytes.size()))), options);
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

template <OnUse>
Metadata load_metadata(const std::string& path) {
  return detail::Stored(path).metadata();
}

ORRERY_ONCE(Tree load_file<>(const std::string&, const LoadOptions&));
ORRERY_ONCE(Tree load<>(std::string_view, const LoadOptions&));
ORRERY_ONCE(Metadata load_metadata<>(const std::string&));

}  // namespace orrery::inline v0::safetensors
