#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "orrery/adapters/cereal.hpp"
#include "../reflect/round_trip.hpp"

namespace cereal_models {

class Base {
 public:
  Base() {}
  std::int64_t step = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(step));
  }
};

class Layer : public Base {
 public:
  Layer() {}
  std::vector<float>& weights() { return weights_; }
  std::string name{};

 private:
  friend class cereal::access;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(cereal::base_class<Base>(this), CEREAL_NVP(name), cereal::make_nvp("weights", weights_));
  }
  std::vector<float> weights_{};
};

// Versioned, with unnamed members.
class Versioned {
 public:
  Versioned() {}
  int a = 0;
  std::map<std::string, Layer> layers{};
  std::unique_ptr<int> pointer{};
  float c_array[2]{};
  template <class Archive>
  void serialize(Archive& archive, std::uint32_t version) {
    archive& a& CEREAL_NVP(layers);
    archive(pointer);
    if (version > 0) archive(CEREAL_NVP(c_array));
  }
};

class Free {
 public:
  Free() {}
  int value = 0;
};
template <class Archive>
void serialize(Archive& archive, Free& free) {
  archive(cereal::make_nvp("value", free.value));
}

class Celsius {
 public:
  Celsius() {}
  explicit Celsius(double d) : degrees_(d) {}
  double degrees() const { return degrees_; }
  template <class Archive>
  double save_minimal(const Archive&) const {
    return degrees_;
  }
  template <class Archive>
  void load_minimal(const Archive&, const double& d) {
    degrees_ = d;
  }

 private:
  double degrees_ = 0;
};
class Tag {
 public:
  Tag() {}
  std::string text{};
  template <class Archive>
  std::string save_minimal(const Archive&) const {
    return "<" + text + ">";
  }
  template <class Archive>
  void load_minimal(const Archive&, const std::string& from) {
    text = from.substr(1, from.size() - 2);
  }
};

class Moody {
 public:
  Moody() {}
  int a = 1, b = 2;
  bool both = true;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(both), CEREAL_NVP(a));
    if (both) archive(CEREAL_NVP(b));
  }
};
class Twice {
 public:
  Twice() {}
  int a = 1;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(a), CEREAL_NVP(a));
  }
};
class Numbered {
 public:
  Numbered() {}
  int values[3] = {1, 2, 3};
  template <class Archive>
  void serialize(Archive& archive) {
    for (int i = 0; i < 3; ++i)
      archive(cereal::make_nvp(("a rather long name that is no literal, " + std::to_string(i)).c_str(), values[i]));
  }
};
// Used in one place alone.
class Fresh {
 public:
  Fresh() {}
  int value = 1;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(value));
  }
};
class WithoutDefault {
 public:
  explicit WithoutDefault(int v) : value(v) {}
  int value;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(value));
  }
};

class Left : public virtual Base {
 public:
  Left() {}
  int left = 1;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(cereal::virtual_base_class<Base>(this), CEREAL_NVP(left));
  }
};
class Right : public virtual Base {
 public:
  Right() {}
  int right = 2;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(cereal::virtual_base_class<Base>(this), CEREAL_NVP(right));
  }
};
class Diamond : public Left, public Right {
 public:
  Diamond() {}
  template <class Archive>
  void serialize(Archive& archive) {
    archive(cereal::base_class<Left>(this), cereal::base_class<Right>(this));
  }
};

// Aggregates: one hands itself over, one does not.
struct Chosen {
  int a = 0, b = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(cereal::make_nvp("alpha", a));
  }
};
struct Unchosen {
  int a = 0, b = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(cereal::make_nvp("alpha", a));
  }
};

}  // namespace cereal_models

CEREAL_CLASS_VERSION(cereal_models::Versioned, 1)
template <>
struct orrery::Reflect<cereal_models::Chosen> : orrery::via_cereal<cereal_models::Chosen> {};

namespace {

using namespace orrery;
using namespace cereal_models;
using round_trip::copy_of;
using round_trip::restore;
using round_trip::restore_into;
using round_trip::tree_of;
using Keys = std::vector<std::string>;

TEST_CASE("a class with serialize is a record of what it hands over, its base's members first") {
  Layer layer;
  layer.step = 3;
  layer.name = "dense";
  layer.weights() = {1, 2};
  CHECK(kind_of<Layer>() == Route::cereal);
  const Tree tree = tree_of(layer);
  CHECK(tree.keys() == Keys{"step", "name", "weights"});
  CHECK(describe(layer).leaves[2].array.data == layer.weights().data());
  Layer same = restore<Layer>(tree);
  CHECK(same.step == 3);
  CHECK(same.name == "dense");
  CHECK(same.weights() == layer.weights());
}

TEST_CASE("a class is restored without having been saved before") {
  Tree tree = Tree::dict();
  tree["value"] = Tree::from_array(AnyArray(Array<std::int32_t>::full({}, 7)));
  CHECK(restore<Free>(tree).value == 7);
  CHECK(restore<std::vector<Free>>(Tree::list({tree, tree}))[1].value == 7);
}

TEST_CASE("members without a name are numbered, versions are handed over, containers nest") {
  Versioned object;
  object.a = 1;
  object.layers["x"].weights() = {4};
  object.pointer = std::make_unique<int>(5);
  object.c_array[1] = 6;
  CHECK(tree_of(object).keys() == Keys{"cereal_class_version", "value0", "layers", "value1", "c_array"});
  Versioned same = copy_of(object);
  CHECK(same.a == 1);
  CHECK(same.layers.at("x").weights() == std::vector<float>{4});
  CHECK(*same.pointer == 5);
  CHECK(same.c_array[1] == 6);
}

TEST_CASE("save_minimal and load_minimal make a leaf") {
  CHECK(tree_of(Celsius(36.6)).scalar<double>() == 36.6);
  CHECK(copy_of(Celsius(36.6)).degrees() == 36.6);
  Tag tag;
  tag.text = "t";
  CHECK(tree_of(tag).string() == "<t>");
  CHECK(copy_of(tag).text == "t");
  CHECK(copy_of(std::vector<Celsius>{Celsius(1), Celsius(2)})[1].degrees() == 2);
}

TEST_CASE("a mismatch inside such a class is told by its path, before anything is touched") {
  std::map<std::string, Layer> target;
  target["x"].name = "kept";
  Tree tree = tree_of(target);
  tree["x"].erase("weights");
  tree["x"]["name"] = std::string("new");
  try {
    restore_into(target, tree);
    FAIL("restored");
  } catch (const KeyError& error) {
    REQUIRE(error.missing().size() == 1);
    CHECK(error.missing()[0].path == "x/weights");
  }
  CHECK(target["x"].name == "kept");
  tree.erase("x");
  tree["y"] = Tree::dict();
  try {
    restore_into(target, tree);
    FAIL("restored");
  } catch (const KeyError& error) {
    CHECK(error.missing().size() == 3);
  }
}

TEST_CASE("members that depend on others are those of each object") {
  Moody first, second;
  CHECK(tree_of(first).keys() == Keys{"both", "a", "b"});
  second.both = false;
  second.a = 5;
  second.b = 7;
  CHECK(tree_of(second).keys() == Keys{"both", "a"});
  CHECK(copy_of(second).a == 5);
  CHECK(copy_of(second).b == 2);
  CHECK(copy_of(std::vector<Moody>{first, second})[0].b == 2);
  CHECK_FALSE(copy_of(std::vector<Moody>{first, second})[1].both);
}

TEST_CASE("no two members have the same name") { CHECK_THROWS_AS(describe(Twice()), ArgumentError); }

TEST_CASE("names that do not outlive serialize are kept") {
  const Numbered numbered;
  CHECK(tree_of(numbered).keys()[2] == "a rather long name that is no literal, 2");
  CHECK(copy_of(numbered).values[2] == 3);
}

TEST_CASE("a class without default constructor is seen through its objects") {
  std::vector<WithoutDefault> list{WithoutDefault(1), WithoutDefault(2)};
  const Tree tree = tree_of(list);
  list[1].value = 0;
  restore_into(list, tree);
  CHECK(list[1].value == 2);
}

TEST_CASE("a virtual base comes once") {
  Diamond diamond;
  diamond.step = 9;
  CHECK(tree_of(diamond).keys() == Keys{"step", "left", "right"});
  CHECK(copy_of(diamond).step == 9);
}

TEST_CASE("an aggregate is described by cereal only where Reflect hands it over") {
  CHECK(kind_of<Chosen>() == Route::cereal);
  CHECK(tree_of(Chosen{1, 2}).keys() == Keys{"alpha"});
  CHECK(copy_of(Chosen{1, 2}).a == 1);
  CHECK(kind_of<Unchosen>() == Route::aggregate);
  CHECK(tree_of(Unchosen{1, 2}).keys() == Keys{"a", "b"});
}

TEST_CASE("const members of such a class are saved and kept") {
  struct State {
    const Free fixed{};
    Free free{};
  };
  State state;
  Tree tree = tree_of(state);
  tree["free"]["value"] = Tree::from_array(AnyArray(Array<std::int32_t>::full({}, 7)));
  tree["fixed"]["value"] = Tree::from_array(AnyArray(Array<std::int32_t>::full({}, 7)));
  restore_into(state, tree);
  CHECK(state.free.value == 7);
  CHECK(state.fixed.value == 0);
}

TEST_CASE("several threads may meet such a class for the first time together") {
  std::vector<std::thread> threads;
  std::vector<std::size_t> leaves(4);
  for (std::size_t i = 0; i < leaves.size(); ++i) threads.emplace_back([&leaves, i] { leaves[i] = describe(Fresh()).leaves.size(); });
  for (std::thread& thread : threads) thread.join();
  CHECK(leaves == std::vector<std::size_t>(4, 1));
}

}  // namespace
