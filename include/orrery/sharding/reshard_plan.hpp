// How what is stored in boxes comes into boxes that were cut differently: which stored boxes one process has to read, what of each it
// needs, and where that goes. Every element is read once, however many devices of the process want it. Reading is left to others.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "orrery/core/array_box.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/shape.hpp"

namespace orrery::inline v0 {

// A part of one stored box and of one wanted box.
struct ReshardPiece {
  std::size_t stored = 0;  // the number of the stored box: in C order of the grid, or in the list
  std::size_t wanted = 0;  // the number of the wanted box
  ArrayBox part{};         // in the coordinates of the whole array
  friend bool operator==(const ReshardPiece&, const ReshardPiece&) = default;
};

struct ReshardPlan {
  std::vector<ReshardPiece> pieces{};  // by stored box, so that each is opened once; those of one are next to each other
  // Wanted boxes that are equal to an earlier one: {later, earlier}. They are copied, not read.
  std::vector<std::pair<std::size_t, std::size_t>> copies{};
  std::uint64_t elements = 0;  // of all pieces

  // Calls visit(std::span<const ReshardPiece>) for each stored box.
  template <class Visit>
  void for_each_stored(Visit&& visit) const {
    for (std::size_t begin = 0, end = 0; begin < pieces.size(); begin = end) {
      while (end < pieces.size() && pieces[end].stored == pieces[begin].stored) ++end;
      visit(std::span(pieces).subspan(begin, end - begin));
    }
  }
};

namespace detail {

// A plan without pieces, with the copies; returns the numbers of the other boxes, each of which has elements.
inline std::vector<std::size_t> different_boxes(std::span<const ArrayBox> wanted, ReshardPlan& plan) {
  const auto before = [](const ArrayBox* a, const ArrayBox* b) {
    const int order = [](const Shape& x, const Shape& y) {
      for (std::size_t i = 0; i < x.size(); ++i)
        if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
      return 0;
    }(a->origin, b->origin);
    if (order != 0) return order < 0;
    return std::lexicographical_compare(a->extents.begin(), a->extents.end(), b->extents.begin(), b->extents.end());
  };
  std::map<const ArrayBox*, std::size_t, decltype(before)> first(before);
  std::vector<std::size_t> different;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i].empty()) continue;
    const auto [found, is_new] = first.try_emplace(&wanted[i], i);
    if (is_new)
      different.push_back(i);
    else
      plan.copies.emplace_back(i, found->second);
  }
  return different;
}

inline void finish(ReshardPlan& plan) {
  std::stable_sort(plan.pieces.begin(), plan.pieces.end(),
                   [](const ReshardPiece& a, const ReshardPiece& b) { return a.stored < b.stored; });
  for (const ReshardPiece& piece : plan.pieces) plan.elements += piece.part.size();
}

inline void check_wanted(std::size_t rank, std::span<const ArrayBox> wanted) {
  for (const ArrayBox& box : wanted)
    if (box.origin.size() != rank || box.extents.size() != rank ||
        std::any_of(box.origin.begin(), box.origin.end(), [](Dim at) { return at < 0; }) ||
        std::any_of(box.extents.begin(), box.extents.end(), [](Dim extent) { return extent < 0; }))
      throw ArgumentError("the box of extents " + to_string(box.extents) + " at " + to_string(box.origin) + " is none of an array with " +
                          std::to_string(rank) + " dimensions");
}

}  // namespace detail

// Stored: an array of that shape in a regular grid of chunks, of which the last may stick out. What is wanted beyond the stored shape gets
// no pieces. Wanted boxes are equal or apart, as shards are. Cost: the chunks that they touch. ArgumentError.
inline ReshardPlan plan_from_grid(const Shape& shape, const Shape& chunks, std::span<const ArrayBox> wanted) {
  const std::size_t rank = shape.size();
  detail::check_wanted(rank, wanted);
  Shape grid = Shape::zeros(rank);
  for (std::size_t i = 0; i < rank; ++i) {
    if (chunks.size() != rank || chunks[i] < 1 || shape[i] < 0)
      throw ArgumentError("an array of shape " + to_string(shape) + " cannot be stored in chunks of " + to_string(chunks));
    grid[i] = shape[i] / chunks[i] + (shape[i] % chunks[i] != 0);
  }
  if (!checked_count(grid)) throw ArgumentError("a grid of " + to_string(grid) + " chunks is too large");

  ReshardPlan plan;
  for (const std::size_t target : detail::different_boxes(wanted, plan)) {
    const ArrayBox box = intersection(wanted[target], ArrayBox::whole(shape));
    if (box.empty()) continue;
    Shape first = Shape::zeros(rank), last = first;
    for (std::size_t i = 0; i < rank; ++i) {
      first[i] = box.origin[i] / chunks[i];
      last[i] = (box.origin[i] + box.extents[i] - 1) / chunks[i];
    }
    for (Shape index = first;;) {
      std::size_t number = 0;
      ArrayBox part{Shape::zeros(rank), Shape::zeros(rank)};
      for (std::size_t i = 0; i < rank; ++i) {
        number = number * static_cast<std::size_t>(grid[i]) + static_cast<std::size_t>(index[i]);
        const Dim begin = index[i] * chunks[i];
        part.origin[i] = std::max(box.origin[i], begin);
        part.extents[i] = std::min(chunks[i] - (part.origin[i] - begin), box.origin[i] + box.extents[i] - part.origin[i]);
      }
      plan.pieces.push_back({number, target, std::move(part)});
      std::size_t i = rank;
      for (; i > 0; --i) {
        if (++index[i - 1] <= last[i - 1]) break;
        index[i - 1] = first[i - 1];
      }
      if (i == 0) break;
    }
  }
  detail::finish(plan);
  return plan;
}

// Stored: any boxes of one array that do not overlap. Cost: their number times that of the different wanted boxes.
inline ReshardPlan plan_from_boxes(std::span<const ArrayBox> stored, std::span<const ArrayBox> wanted) {
  if (!stored.empty()) detail::check_wanted(stored[0].rank(), stored);
  if (!stored.empty()) detail::check_wanted(stored[0].rank(), wanted);
  ReshardPlan plan;
  for (const std::size_t target : detail::different_boxes(wanted, plan))
    for (std::size_t number = 0; number < stored.size(); ++number) {
      ArrayBox part = intersection(stored[number], wanted[target]);
      if (!part.empty()) plan.pieces.push_back({number, target, std::move(part)});
    }
  detail::finish(plan);
  return plan;
}

}  // namespace orrery::inline v0
