// What a restore did, leaf by leaf. Filled on request; costs one string a leaf.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/core/on_use.hpp"

namespace orrery::inline v0 {

enum class LeafAction : std::uint8_t {
  restored,  // read as stored
  cast,      // read and converted to the target's dtype, or to that of restore_args
  padded,    // read, with zeros added or ends left out, as restore_args wanted it
  computed,  // made by a function of a transform
  filled,    // the target's own value, as nothing is stored for it, or a transform says so
  kept,      // the target's own value: an empty optional, a const member, a placeholder
  ignored,   // stored, but no part of the target: not read
};

constexpr std::string_view name(LeafAction action) noexcept {
  constexpr std::string_view names[] = {"restored", "cast", "padded", "computed", "filled", "kept", "ignored"};
  return names[static_cast<std::size_t>(action)];
}

struct RestoreReport {
  struct Leaf {
    std::string path;  // "model/params/kernel"
    LeafAction action;
    std::string detail{};  // "float32 to float64", "(3,) to (5,)", "from model/weights/kernel": what happened, joined by ", "
  };
  std::vector<Leaf> leaves{};
  // How the target's type differs from the one that was saved, where the checkpoint knows: "params/bias: float32[?] is now float64[?]".
  std::vector<std::string> type_changes{};

  // The paths with that action, in order.
  template <OnUse = OnUse()>
  std::vector<std::string> paths(LeafAction action) const {
    std::vector<std::string> out;
    for (const Leaf& leaf : leaves)
      if (leaf.action == action) out.push_back(leaf.path);
    return out;
  }
  template <OnUse = OnUse()>
  std::vector<std::string> restored() const {
    return paths(LeafAction::restored);
  }
  template <OnUse = OnUse()>
  std::vector<std::string> filled() const {
    return paths(LeafAction::filled);
  }
  template <OnUse = OnUse()>
  std::vector<std::string> ignored() const {
    return paths(LeafAction::ignored);
  }
  template <OnUse = OnUse()>
  std::size_t count(LeafAction action) const {
    std::size_t n = 0;
    for (const Leaf& leaf : leaves) n += leaf.action == action;
    return n;
  }
};

}  // namespace orrery::inline v0
