// Slots of several processes that restore one item together: sharded arrays as ever, each process its own boxes; of everything else rank 0
// reads the bytes, once, and the others get them from it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "orrery/core/any_array.hpp"
#include "orrery/core/copy.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/distributed/coordinator.hpp"
#include "orrery/orbax/read_leaves.hpp"
#include "orrery/orbax/stored_item.hpp"
#include "orrery/restore/plan.hpp"

namespace orrery::inline v0::orbax {

namespace detail {

// Elements of many arrays on their way from rank 0, in messages of at most that many bytes: small ones share one, large ones take several.
class ArrayBroadcast {
 public:
  static constexpr std::size_t most = std::size_t{16} << 20;

  ArrayBroadcast(Coordinator& world, std::string phase, Deadline deadline) : world_(world), phase_(std::move(phase)), deadline_(deadline) {}

  // The same arrays in all processes, in the same order; dense where they are received.
  template <OnUse = OnUse()>
  void run(const std::vector<ArrayView>& arrays) {
    std::vector<Piece> pieces;
    std::size_t bytes = 0;
    for (const ArrayView& array : arrays)
      for (std::size_t first = 0, count = array.size(), step = std::max<std::size_t>(most / array.item_size(), 1); first < count;
           first += step) {
        const Piece piece{&array, first, std::min(step, count - first)};
        if (bytes + piece.bytes() > most) send(pieces, bytes);
        pieces.push_back(piece);
        bytes += piece.bytes();
      }
    send(pieces, bytes);
  }

 private:
  struct Piece {
    const ArrayView* array;
    std::size_t first, count;
    std::size_t bytes() const noexcept { return count * array->item_size(); }
  };

  template <OnUse = OnUse()>
  void send(std::vector<Piece>& pieces, std::size_t& bytes) {
    if (pieces.empty()) return;
    std::string message;
    if (world_.rank() == 0) {
      message.resize(bytes);
      char* to = message.data();
      for (const Piece& piece : pieces) {
        copy_c_order_range(*piece.array, piece.first, piece.count, reinterpret_cast<std::byte*>(to));
        to += piece.bytes();
      }
    }
    message = world_.broadcast(std::move(message), phase_, deadline_);
    if (message.size() != bytes)
      throw ArgumentError("rank " + std::to_string(world_.rank()) + " wanted " + std::to_string(bytes) + " bytes of arrays, rank 0 sent " +
                          std::to_string(message.size()) + ": processes that restore together need targets of the same structure");
    const char* from = message.data();
    if (world_.rank() != 0)
      for (const Piece& piece : pieces) {
        std::memcpy(static_cast<char*>(const_cast<void*>(piece.array->data)) + piece.first * piece.array->item_size(), from, piece.bytes());
        from += piece.bytes();
      }
    pieces.clear();
    bytes = 0;
  }

  Coordinator& world_;
  std::string phase_;
  Deadline deadline_;
};

}  // namespace detail

// All processes of `world` call it, with slots of the same item for targets of the same structure. Throws the same in all of them.
template <OnUse = OnUse()>
inline void read_leaves_together(StoredItem& item, Slots& slots, bool verify, const ProgressFunction& on_progress, Coordinator& world,
                                 Deadline deadline) {
  std::vector<ArrayView> whole;
  std::deque<std::pair<AnyArray, ArrayView>> staged;  // what is received for a target that is not dense
  for (const Slot& slot : slots.reads) {
    if (slot.to.parts || slot.from->has_value()) continue;
    const ArrayView& to = slot.to.array;
    if (world.rank() == 0 || to.is_c_contiguous())
      whole.push_back(to);
    else
      whole.push_back(staged.emplace_back(AnyArray::uninitialized(to.dtype, to.shape), to).first.view());
  }
  if (world.rank() != 0) std::erase_if(slots.reads, [](const Slot& slot) { return !slot.to.parts && !slot.from->has_value(); });
  world.attempt("the reading of " + item.directory(), deadline, [&] { read_leaves(item, slots, verify, on_progress); });
  detail::ArrayBroadcast(world, "what rank 0 has read of " + item.directory(), deadline).run(whole);
  for (const auto& [array, to] : staged) copy(array.view(), to);
}

}  // namespace orrery::inline v0::orbax
