// What policies know of a step.
#pragma once

#include <chrono>
#include <cstdint>

#include "orrery/core/on_use.hpp"
#include "orrery/manager/metrics.hpp"

namespace orrery::inline v0 {

// Nanoseconds since 1970, as in _CHECKPOINT_METADATA.
using StepTime = std::chrono::sys_time<std::chrono::nanoseconds>;

template <OnUse = OnUse()>
inline StepTime now() {
  return std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
}

struct StepInfo {
  std::int64_t step = 0;
  StepTime time{};    // when it was committed
  Metrics metrics{};  // empty: it has none
};

}  // namespace orrery::inline v0
