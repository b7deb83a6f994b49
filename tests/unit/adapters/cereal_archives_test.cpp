#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <cereal/types/vector.hpp>

#include "orrery/adapters/cereal_archives.hpp"
#include "orrery/core/log.hpp"
#include "../storage/scratch.hpp"

namespace cereal_archives_models {

// Written for cereal: nothing here knows orrery.
struct Layer {
  std::string name{};
  std::vector<float> kernel{};
  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(name), CEREAL_NVP(kernel));
  }
  friend bool operator==(const Layer&, const Layer&) = default;
};
struct Model {
  std::vector<Layer> layers{};
  std::int64_t step = 0;
  std::map<std::string, double> metrics{};
  template <class Archive>
  void serialize(Archive& archive, const std::uint32_t version) {
    archive(CEREAL_NVP(layers), CEREAL_NVP(step));
    if (version > 0) archive(CEREAL_NVP(metrics));
  }
  friend bool operator==(const Model&, const Model&) = default;
};
inline Model example() { return {{{"a", {1, 2}}, {"b", {3}}}, 7, {{"loss", 0.5}}}; }

}  // namespace cereal_archives_models

CEREAL_CLASS_VERSION(cereal_archives_models::Model, 1)

namespace {

using namespace orrery;
using namespace cereal_archives_models;
using Keys = std::vector<std::string>;

TEST_CASE("code written for cereal saves an Orbax item once its archive has another name") {
  const storage_test::ScratchDirectory scratch;
  {
    cereal_archives::OutputArchive archive(scratch / "item");
    Model model = example();
    archive(cereal::make_nvp("model", model), model.step);
    model.layers.clear();  // what was handed over counts
    archive << cereal::make_nvp("temporary", std::vector<float>{4, 5});
  }
  const Tree tree = PyTreeCheckpointer().restore(scratch / "item");
  CHECK(tree.keys() == Keys{"model", "temporary", "value0"});
  CHECK(tree["model"].keys() == Keys{"cereal_class_version", "layers", "metrics", "step"});
  CHECK(tree["model"]["layers"][1]["kernel"].array().at<float>({0}) == 3);

  cereal_archives::InputArchive archive(scratch / "item");
  Model model;
  std::int64_t step = 0;
  std::vector<float> temporary;
  archive(cereal::make_nvp("temporary", temporary));  // by name, in any order
  archive >> cereal::make_nvp("model", model);
  archive& step;
  CHECK(model == example());
  CHECK(step == 7);
  CHECK(temporary == std::vector<float>{4, 5});
}

TEST_CASE("of a stream they write and read Flax's msgpack") {
  std::stringstream stream;
  cereal_archives::OutputArchive{stream}(example());
  const Tree tree = flax::msgpack_restore(stream.str());
  CHECK(tree["value0"]["layers"].keys() == Keys{"0", "1"});
  Model model;
  cereal_archives::InputArchive{stream}(model);
  CHECK(model == example());
}

TEST_CASE("an item that holds one value is read without a name") {
  const storage_test::ScratchDirectory scratch;
  struct State {
    std::string name{};
    std::vector<float> kernel{};
  };
  PyTreeCheckpointer().save(scratch / "item", State{"a", {1, 2}});
  Layer layer;
  cereal_archives::InputArchive(scratch / "item")(layer);
  CHECK(layer == Layer{"a", {1, 2}});
}

TEST_CASE("what cannot be written or read is a typed error") {
  const storage_test::ScratchDirectory scratch;
  {
    cereal_archives::OutputArchive archive(scratch / "item");
    archive(cereal::make_nvp("x", 1));
    CHECK_THROWS_AS(archive(cereal::make_nvp("x", 2)), ArgumentError);
    archive.close();
    archive.close();
  }
  cereal_archives::OutputArchive again(scratch / "item");
  again(cereal::make_nvp("x", 3));
  CHECK_THROWS_AS(again.close(), AlreadyExistsError);
  std::string logged;
  set_log_handler([&](LogLevel, std::string_view message) { logged += message; });
  { cereal_archives::OutputArchive(scratch / "item")(4); }  // a destructor can only speak up
  set_log_handler(nullptr);
  CHECK(logged.find("OutputArchive") != std::string::npos);
  cereal_archives::OutputArchive(scratch / "item", {.force = true})(cereal::make_nvp("x", 5));

  int x = 0;
  cereal_archives::InputArchive archive(scratch / "item");
  archive(cereal::make_nvp("x", x));
  CHECK(x == 5);
  CHECK_THROWS_AS(archive(cereal::make_nvp("y", x)), KeyError);
  CHECK_THROWS_AS(archive(x), StructureError);
  CHECK_THROWS_AS(cereal_archives::InputArchive(scratch / "nothing"), NotFoundError);
  try {
    cereal_archives::OutputArchive unwound(scratch / "unwound");
    unwound(1);
    throw 1;
  } catch (int) {
  }
  CHECK_THROWS_AS(cereal_archives::InputArchive(scratch / "unwound"), NotFoundError);  // half a state is not written
}

}  // namespace
