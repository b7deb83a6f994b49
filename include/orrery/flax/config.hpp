// flax.config as far as it exists here: which backend save_checkpoint takes. Restoring always looks at what is there
// (spec/flax-legacy.md 4.15).
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <cstdlib>
#include <string>
#include <string_view>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"

namespace orrery::inline v0::flax {

struct Config {
  // True: save_checkpoint writes Orbax directories. From FLAX_USE_ORBAX_CHECKPOINTING when first asked for.
  std::atomic<bool> flax_use_orbax_checkpointing{true};
};

namespace detail {

// Python's strtobool; ArgumentError with Flax's text.
template <OnUse = OnUse()>
inline bool truth_of(const std::string& text, std::string_view name) {
  std::string lower = text;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  constexpr std::array<std::string_view, 6> yes{"y", "yes", "t", "true", "on", "1"}, no{"n", "no", "f", "false", "off", "0"};
  if (std::find(yes.begin(), yes.end(), lower) != yes.end()) return true;
  if (std::find(no.begin(), no.end(), lower) != no.end()) return false;
  throw ArgumentError("invalid truth value '" + text + "' for environment '" + std::string(name) + "'");
}

// On, unless the environment says otherwise.
template <OnUse = OnUse()>
inline bool switch_of_environment() {
  const char* text = std::getenv("FLAX_USE_ORBAX_CHECKPOINTING");
  return text ? truth_of(text, "FLAX_USE_ORBAX_CHECKPOINTING") : true;
}

}  // namespace detail

// The configuration of this process. Reading and setting it is safe from any thread.
template <OnUse = OnUse()>
inline Config& config() {
  static Config config{detail::switch_of_environment()};
  return config;
}

}  // namespace orrery::inline v0::flax
