// ShardedArray<T>: this process's part of an array that is cut over a mesh. It owns its shards, or borrows memory that the program has
// already; saving and restoring take the shards as they lie.
#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "orrery/core/any_array.hpp"
#include "orrery/core/array.hpp"
#include "orrery/core/array_view.hpp"
#include "orrery/core/array_box.hpp"
#include "orrery/core/copy.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/float_types.hpp"
#include "orrery/core/memory.hpp"
#include "orrery/core/shape.hpp"
#include "orrery/sharding/named_sharding.hpp"
#include "orrery/sharding/sharded_view.hpp"

namespace orrery::inline v0 {

// One device's part, as jax.Array's addressable_shards has it.
template <Element T>
class Shard {
 public:
  explicit Shard(ShardView view) : view_(std::move(view)) {}

  const MeshDevice& device() const noexcept { return view_.device; }
  std::size_t replica_id() const noexcept { return view_.replica_id; }
  // Which part of the whole array this is.
  const ArrayBox& index() const noexcept { return view_.index; }
  const Shape& shape() const noexcept { return view_.index.extents; }
  std::size_t size() const noexcept { return view_.index.size(); }

  // The first element; the others follow by the strides of view(), which are those of a dense array unless the memory is borrowed and
  // strided, or padded.
  T* data() noexcept { return static_cast<T*>(const_cast<void*>(view_.array.data)); }
  const T* data() const noexcept { return static_cast<const T*>(view_.array.data); }
  const ArrayView& view() const noexcept { return view_.array; }
  // All elements in C order; ArgumentError where they are not dense.
  std::span<T> values() {
    const std::span<const T> all = view_.array.template values<T>();
    return {data(), all.size()};
  }
  std::span<const T> values() const { return view_.array.template values<T>(); }
  // Checked; the index counts from the shard's own origin. ArgumentError.
  T& at(std::initializer_list<Dim> index) { return const_cast<T&>(std::as_const(*this).at(index)); }
  const T& at(std::initializer_list<Dim> index) const {
    view_.array.template at<T>(index);
    const char* element = static_cast<const char*>(view_.array.data);
    for (std::size_t i = 0; i < index.size(); ++i) element += index.begin()[i] * view_.array.strides[i];
    return *reinterpret_cast<const T*>(element);
  }

 private:
  ShardView view_;
};

// Copies own their elements, also those of an array that borrows; moving keeps every address. Constructors: IndivisibleError or
// ArgumentError where the shape does not fit the sharding.
template <Element T>
class ShardedArray {
  static_assert(std::is_trivially_copyable_v<T> && !std::is_const_v<T>, "orrery: a ShardedArray holds plain, non-const elements");

 public:
  using value_type = T;

  // Shape (0,), on one device of this process.
  ShardedArray() : ShardedArray(Shape{0}, NamedSharding(Mesh::local({}, {}), {})) {}
  // Zero-filled shards of its own. With Uneven::pad each lies in memory for a shard of the full size.
  ShardedArray(Shape shape, NamedSharding sharding) : sharding_(std::move(sharding)) { allocate(std::move(shape)); }
  ShardedArray(const ShardedArray& other) : sharding_(other.sharding_) {
    allocate(other.shape_);
    copy_from(other);
  }
  ShardedArray(ShardedArray&& other) noexcept
      : shape_(std::exchange(other.shape_, Shape{0})),
        sharding_(other.sharding_),
        memory_(std::move(other.memory_)),
        borrows_(std::exchange(other.borrows_, false)),
        shards_(std::exchange(other.shards_, {})) {}
  ShardedArray& operator=(const ShardedArray& other) {
    if (this != &other) *this = ShardedArray(other);
    return *this;
  }
  ShardedArray& operator=(ShardedArray&& other) noexcept {
    if (this == &other) return *this;
    shape_ = std::exchange(other.shape_, Shape{0});
    sharding_ = other.sharding_;
    memory_ = std::move(other.memory_);
    borrows_ = std::exchange(other.borrows_, false);
    shards_ = std::exchange(other.shards_, {});
    return *this;
  }
  ~ShardedArray() = default;

  // Shards in the program's own memory, which must outlive the array: for each device of this process, in the order of positions, the first
  // element of a dense shard.
  static ShardedArray borrow(Shape shape, NamedSharding sharding, std::span<T* const> shards) {
    ShardedView view = sharded_view(dtype_of<T>, std::move(shape), sharding);
    check_count(view, shards.size());
    for (std::size_t i = 0; i < shards.size(); ++i) view.shards[i].array.data = shards[i];
    return ShardedArray(std::move(view));
  }
  // ... or any strided view of it; its shape must be the shard's.
  static ShardedArray borrow(Shape shape, NamedSharding sharding, std::span<const ArrayView> shards) {
    ShardedView view = sharded_view(dtype_of<T>, std::move(shape), sharding);
    check_count(view, shards.size());
    for (std::size_t i = 0; i < shards.size(); ++i) {
      if (shards[i].dtype != dtype_of<T>) detail::throw_wrong_element(shards[i].dtype, dtype_of<T>);
      if (shards[i].shape != view.shards[i].index.extents)
        throw ArgumentError("the shard of device " + std::to_string(view.shards[i].device.id) + " has the shape " +
                            to_string(view.shards[i].index.extents) + ", not " + to_string(shards[i].shape));
      view.shards[i].array = shards[i];
    }
    return ShardedArray(std::move(view));
  }
  // ... which holds the whole array: every shard is a part of it, and replicas are one and the same.
  static ShardedArray borrow_whole(NamedSharding sharding, const ArrayView& whole) {
    if (whole.dtype != dtype_of<T>) detail::throw_wrong_element(whole.dtype, dtype_of<T>);
    ShardedView view = sharded_view(dtype_of<T>, whole.shape, sharding);
    for (ShardView& shard : view.shards) shard.array = part_of(whole, shard.index);
    return ShardedArray(std::move(view));
  }

  const Shape& shape() const noexcept { return shape_; }  // of the whole array
  std::size_t rank() const noexcept { return shape_.size(); }
  static constexpr DType dtype() noexcept { return dtype_of<T>; }
  const NamedSharding& sharding() const noexcept { return sharding_; }
  bool is_fully_addressable() const noexcept { return sharding_.is_fully_addressable(); }
  bool is_borrowed() const noexcept { return borrows_; }

  // Those of this process's devices, in the order of positions.
  std::span<Shard<T>> addressable_shards() noexcept { return shards_; }
  std::span<const Shard<T>> addressable_shards() const noexcept { return shards_; }

  // The same without the element type.
  ShardedView view() const {
    ShardedView view = sharded_view(dtype_of<T>, shape_, sharding_);
    for (std::size_t i = 0; i < shards_.size(); ++i) view.shards[i].array = shards_[i].view();
    return view;
  }

  // Whether resize() would take that shape.
  bool takes_shape(const Shape& shape) const {
    if (shape == shape_) return true;
    if (sharding_.spec().size() > shape.size()) return false;
    const Shape parts = sharding_.partitions(shape.size());
    if (sharding_.uneven() == Uneven::refuse)
      for (std::size_t i = 0; i < shape.size(); ++i)
        if (shape[i] % parts[i] != 0) return false;
    if (!borrows_) return true;
    return std::all_of(shards_.begin(), shards_.end(), [&, position = sharding_.mesh().addressable().begin()](const Shard<T>& shard) mutable {
      return sharding_.shard_index(*position++, shape).extents == shard.shape();
    });
  }
  // Takes another global shape under the same sharding; contents are unspecified then. Borrowed memory cannot grow: ArgumentError unless
  // all shards keep their shapes.
  void resize(Shape shape) {
    if (shape == shape_) return;
    if (!borrows_) return allocate(std::move(shape));
    ShardedView view = sharded_view(dtype_of<T>, std::move(shape), sharding_);
    for (std::size_t i = 0; i < shards_.size(); ++i) {
      if (view.shards[i].index.extents != shards_[i].shape())
        throw ArgumentError("a sharded array of shape " + to_string(shape_) + " whose shards are borrowed cannot take the shape " +
                            to_string(view.shape) + ": its shards would have other shapes");
      view.shards[i].array = shards_[i].view();
    }
    adopt(std::move(view));
  }

  // The whole array; ArgumentError unless all of it is in this process.
  Array<T> to_array() const {
    if (!is_fully_addressable())
      throw ArgumentError("an array that spans several processes cannot be fetched as a whole; look at its addressable_shards()");
    Array<T> whole = Array<T>::uninitialized(shape_);
    for (const Shard<T>& shard : shards_)
      if (shard.replica_id() == 0 && shard.size() > 0) copy(shard.view(), part_of(whole.view(), shard.index()));
    return whole;
  }

  // The same shape and sharding, and the same bytes in the shards of this process.
  friend bool operator==(const ShardedArray& a, const ShardedArray& b) {
    if (a.shape_ != b.shape_ || !(a.sharding_ == b.sharding_) || a.shards_.size() != b.shards_.size()) return false;
    return std::equal(a.shards_.begin(), a.shards_.end(), b.shards_.begin(),
                      [](const Shard<T>& x, const Shard<T>& y) { return AnyArray::copy_of(x.view()) == AnyArray::copy_of(y.view()); });
  }

 private:
  explicit ShardedArray(ShardedView view) : sharding_(view.sharding), borrows_(true) { adopt(std::move(view)); }

  static void check_count(const ShardedView& view, std::size_t given) {
    if (given != view.shards.size())
      throw ArgumentError("this process has " + std::to_string(view.shards.size()) + " devices of the mesh, but memory is given for " +
                          std::to_string(given) + " shards");
  }

  void adopt(ShardedView view) {
    shape_ = std::move(view.shape);
    shards_.clear();
    for (ShardView& shard : view.shards) shards_.emplace_back(std::move(shard));
  }

  // One block for all shards, each at a multiple of the block's alignment.
  void allocate(Shape shape) {
    ShardedView view = sharded_view(dtype_of<T>, std::move(shape), sharding_);
    detail::array_bytes(view.shape, sizeof(T));  // the whole array's, too, must fit into 63 bits
    std::vector<std::size_t> offsets;
    std::size_t size = 0;
    for (ShardView& shard : view.shards) {
      const Shape room = sharding_.uneven() == Uneven::pad ? sharding_.shard_shape(view.shape) : shard.index.extents;
      shard.array.strides = c_strides(room, sizeof(T));
      offsets.push_back(size);
      size += (detail::array_bytes(room, sizeof(T)) + Memory::alignment - 1) / Memory::alignment * Memory::alignment;
    }
    Memory memory = Memory::zeros(size);
    for (std::size_t i = 0; i < offsets.size(); ++i)
      if (memory.data() && offsets[i] < size) view.shards[i].array.data = memory.data() + offsets[i];
    adopt(std::move(view));
    memory_ = std::move(memory);
  }
  void copy_from(const ShardedArray& other) {
    for (std::size_t i = 0; i < shards_.size(); ++i)
      if (shards_[i].size() > 0) copy(other.shards_[i].view(), shards_[i].view());
  }

  Shape shape_{0};
  NamedSharding sharding_;
  Memory memory_{};
  bool borrows_ = false;
  std::vector<Shard<T>> shards_{};
};

}  // namespace orrery::inline v0
