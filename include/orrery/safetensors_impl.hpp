// The bodies of safetensors.hpp that depend on no type of the user's.
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
#include "orrery/safetensors.hpp"
#include "orrery/storage/atomic_file.hpp"
#include "orrery/storage/durability.hpp"
#include "orrery/storage/file.hpp"
#include "orrery/storage/gather_string.hpp"
#include "orrery/storage/gather_writer.hpp"
#include "orrery/storage/scatter_reader.hpp"
#include "orrery/tree.hpp"

namespace orrery::inline v0::safetensors {

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

template <OnUse>
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

template <OnUse>
std::string bytes_of(const TreeView& view, const Metadata& metadata) {
  const Image image = image_of(view, metadata);
  std::string out;
  storage::reserve_bytes(out, static_cast<std::size_t>(image.size));
  storage::GatherString writer(out, {.checksums = false});
  write(image, writer);
  return out;
}

template <OnUse>
void load_file_value(const std::string& path, const TypeOps& ops, void* target, bool is_new, const LoadOptions& options) {
  load_value(Stored(path), ops, target, is_new, options);
}

template <OnUse>
void load_bytes_value(std::string_view bytes, const TypeOps& ops, void* target, bool is_new, const LoadOptions& options) {
  load_value(Stored(std::as_bytes(std::span(bytes.data(), bytes.size()))), ops, target, is_new, options);
}

}  // namespace detail

template <OnUse>
Tree load_file(const std::string& path, const LoadOptions& options) {
  return detail::load_tree(detail::Stored(path), options);
}

template <OnUse>
Tree load(std::string_view bytes, const LoadOptions& options) {
  return detail::load_tree(detail::Stored(std::as_bytes(std::span(bytes.data(), bytes.size()))), options);
}

template <OnUse>
Metadata load_metadata(const std::string& path) {
  return detail::Stored(path).metadata();
}

}  // namespace orrery::inline v0::safetensors
