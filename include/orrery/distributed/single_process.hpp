// The coordinator of a program that is one process: nothing to wait for.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "orrery/core/on_use.hpp"
#include "orrery/distributed/channel.hpp"
#include "orrery/distributed/coordinator.hpp"

namespace orrery::inline v0 {

namespace distributed {

template <OnUse = OnUse()>
class SingleProcessChannel final : public Channel {
 public:
  int rank() const noexcept override { return 0; }
  int size() const noexcept override { return 1; }
  bool send(int, Lane, std::string, Deadline) override { return false; }
  std::optional<std::pair<int, std::string>> receive(std::span<const int>, Lane, Deadline) override { return std::nullopt; }
  std::unique_ptr<Channel> duplicate(Deadline) override { return std::make_unique<SingleProcessChannel>(); }
};

}  // namespace distributed

template <OnUse = OnUse()>
inline std::shared_ptr<Coordinator> single_process() {
  return std::make_shared<Coordinator>(std::make_unique<distributed::SingleProcessChannel<>>());
}

}  // namespace orrery::inline v0
