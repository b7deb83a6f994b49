// The state of compiled_here.cpp and compiled_elsewhere.cpp, and what both do with it.
#pragma once

#include <map>
#include <string>

#include "orrery/orrery.hpp"

struct State {
  std::int64_t step = 7;
  std::map<std::string, orrery::Array<float>> params{{"bias", orrery::Array<float>::from({1, 2, 3})}};
  orrery::Tree extra{orrery::Tree::scalar(0.5)};
};

namespace {

[[maybe_unused]] std::string bytes_of(const State& state) { return orrery::flax::to_bytes(state); }

[[maybe_unused]] void save(const std::string& path, const State& state) { orrery::PyTreeCheckpointer().save(path, state, {.force = true}); }

[[maybe_unused]] std::string restored(const std::string& path) { return bytes_of(orrery::PyTreeCheckpointer().restore<State>(path)); }

}  // namespace
