// A model as a program that uses cereal would have it: private members, versions, shared and polymorphic layers. What Python sees of it is
// in run.py.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "orrery/adapters/cereal_archives.hpp"

namespace model {

class Layer {
 public:
  virtual ~Layer() = default;
  virtual double size() const = 0;
  std::string name{};
  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(name));
  }
};

class Dense : public Layer {
 public:
  Dense() {}
  Dense(std::string called, std::vector<float> kernel) : kernel_(std::move(kernel)) { name = std::move(called); }
  double size() const override { return static_cast<double>(kernel_.size()); }
  const std::vector<float>& kernel() const { return kernel_; }

 private:
  friend class cereal::access;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(cereal::base_class<Layer>(this), cereal::make_nvp("kernel", kernel_));
  }
  std::vector<float> kernel_{};
};

class Dropout : public Layer {
 public:
  Dropout() {}
  double size() const override { return 0; }
  double rate = 0.5;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(cereal::base_class<Layer>(this), CEREAL_NVP(rate));
  }
};

// Degrees in the file, radians in the program.
class Schedule {
 public:
  Schedule() {}
  explicit Schedule(double radians) : radians_(radians) {}
  double radians() const { return radians_; }
  template <class Archive>
  void save(Archive& archive) const {
    archive(cereal::make_nvp("degrees", radians_ * 2));
  }
  template <class Archive>
  void load(Archive& archive) {
    double degrees = 0;
    archive(CEREAL_NVP(degrees));
    radians_ = degrees / 2;
  }

 private:
  double radians_ = 0;
};

class Tag {
 public:
  Tag() {}
  std::string text{};
  template <class Archive>
  std::string save_minimal(const Archive&) const {
    return text;
  }
  template <class Archive>
  void load_minimal(const Archive&, const std::string& from) {
    text = from;
  }
};

class Network {
 public:
  Network() {}
  std::vector<std::shared_ptr<Layer>> layers{};
  std::shared_ptr<Layer> head{};
  std::unique_ptr<Layer> spare{};
  std::map<std::string, Schedule> schedules{};
  std::optional<std::int64_t> best_step{}, worst_step{};
  std::pair<Tag, std::int32_t> tag{};
  std::variant<double, std::string> note{};
  std::vector<bool> mask{};
  template <class Archive>
  void serialize(Archive& archive, const std::uint32_t version) {
    archive(CEREAL_NVP(layers), CEREAL_NVP(head), CEREAL_NVP(spare), CEREAL_NVP(schedules));
    archive(CEREAL_NVP(best_step), CEREAL_NVP(worst_step), CEREAL_NVP(tag), CEREAL_NVP(note));
    if (version > 1) archive(CEREAL_NVP(mask));
  }
};

// What is saved: a struct of orrery's, in which cereal describes one member.
struct State {
  std::int64_t step = 0;
  Network network{};
};

inline State example() {
  State state;
  state.step = 12;
  auto dense = std::make_shared<Dense>("dense", std::vector<float>{1, 2, 3});
  state.network.layers = {dense, std::make_shared<Dropout>()};
  state.network.layers[1]->name = "dropout";
  state.network.head = dense;
  state.network.spare = std::make_unique<Dense>("spare", std::vector<float>{4});
  state.network.schedules["warmup"] = Schedule(0.25);
  state.network.best_step = 10;
  state.network.tag.first.text = "v1";
  state.network.tag.second = 5;
  state.network.note = std::string("a note");
  state.network.mask = {true, false, true};
  return state;
}

}  // namespace model

CEREAL_CLASS_VERSION(model::Network, 2)
CEREAL_REGISTER_TYPE_WITH_NAME(model::Dense, "Dense")
CEREAL_REGISTER_TYPE_WITH_NAME(model::Dropout, "Dropout")
