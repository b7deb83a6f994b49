#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "orrery/adapters/cereal.hpp"
#include "../reflect/round_trip.hpp"

namespace cereal_functions {

// Member save and load, private, with values that exist only while they run.
class Angle {
 public:
  Angle() {}
  explicit Angle(double radians) : radians_(radians), samples_{1, 2, 3} {}
  double radians() const { return radians_; }
  const std::vector<float>& samples() const { return samples_; }

 private:
  friend class cereal::access;
  template <class Archive>
  void save(Archive& archive) const {
    const double degrees = radians_ * 2;
    const std::vector<std::int32_t> made{4, 5};
    archive(CEREAL_NVP(degrees), cereal::make_nvp("samples", samples_), CEREAL_NVP(made));
  }
  template <class Archive>
  void load(Archive& archive) {
    double degrees = 0;
    std::vector<std::int32_t> made;
    archive(CEREAL_NVP(made), CEREAL_NVP(degrees), cereal::make_nvp("samples", samples_));
    if (made != std::vector<std::int32_t>{4, 5}) throw std::runtime_error("made");
    radians_ = degrees / 2;
  }
  double radians_ = 0;
  std::vector<float> samples_{};
};

class FreePair {
 public:
  FreePair() {}
  int a = 0;
};
template <class Archive>
void save(Archive& archive, const FreePair& pair) {
  archive(pair.a, pair.a + 1);
}
template <class Archive>
void load(Archive& archive, FreePair& pair) {
  int next = 0;
  archive(pair.a, next);
  pair.a = next - 1;
}

class Grade {
 public:
  Grade() {}
  int points = 0;
};
template <class Archive>
std::string save_minimal(const Archive&, const Grade& grade) {
  return std::string(static_cast<std::size_t>(grade.points), '*');
}
template <class Archive>
void load_minimal(const Archive&, Grade& grade, const std::string& stars) {
  grade.points = static_cast<int>(stars.size());
}

// Stands for a list: no leaf.
class Path {
 public:
  Path() {}
  std::vector<std::string> parts{};
  template <class Archive>
  std::string save_minimal(const Archive&, std::uint32_t version) const {
    std::string text = std::to_string(version);
    for (const std::string& part : parts) text += ":" + part;
    return text;
  }
  template <class Archive>
  void load_minimal(const Archive&, const std::string& text, std::uint32_t version) {
    parts = {text, std::to_string(version)};
  }
};

// Reads what its first version wrote.
class Grown {
 public:
  Grown() {}
  std::int64_t a = 1, b = 2;
  std::uint32_t read = 99;
  template <class Archive>
  void serialize(Archive& archive, const std::uint32_t version) {
    archive(CEREAL_NVP(a));
    if (version >= 1) archive(CEREAL_NVP(b));
    read = version;
  }
};
class GrownMore : public Grown {
 public:
  GrownMore() {}
  std::int64_t c = 3;
  template <class Archive>
  void save(Archive& archive, const std::uint32_t version) const {
    archive(cereal::base_class<Grown>(this), cereal::make_nvp("c", c + version));
  }
  template <class Archive>
  void load(Archive& archive, const std::uint32_t version) {
    archive(cereal::base_class<Grown>(this), CEREAL_NVP(c));
    c -= version;
  }
};

// Acts on loading.
class Cached {
 public:
  Cached() {}
  std::vector<float> values{};
  double sum = 0;
  int loads = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(values));
    if constexpr (Archive::is_loading::value) {
      ++loads;
      sum = 0;
      for (const float value : values) sum += static_cast<double>(value);
    }
  }
};

// Both kinds of functions by inheritance; one is chosen.
class Chooser : public Cached {
 public:
  Chooser() {}
  template <class Archive>
  void save(Archive& archive) const {
    archive(cereal::make_nvp("chosen", values));
  }
  template <class Archive>
  void load(Archive& archive) {
    archive(cereal::make_nvp("chosen", values));
  }
};

// A container of its own, as cereal's documentation writes one.
class Ring {
 public:
  Ring() {}
  std::vector<FreePair> pairs{};
  std::vector<float> raw{};
  template <class Archive>
  void save(Archive& archive) const {
    archive(cereal::make_size_tag(static_cast<cereal::size_type>(pairs.size())));
    for (const FreePair& pair : pairs) archive(pair);
  }
  template <class Archive>
  void load(Archive& archive) {
    cereal::size_type size = 0;
    archive(cereal::make_size_tag(size));
    pairs.resize(static_cast<std::size_t>(size));
    for (FreePair& pair : pairs) archive(pair);
  }
};
class Buffer {
 public:
  Buffer() {}
  explicit Buffer(std::size_t n) : size(n), data(new float[n]()) {}
  std::size_t size = 0;
  std::unique_ptr<float[]> data{};
  template <class Archive>
  void save(Archive& archive) const {
    archive(cereal::make_size_tag(static_cast<cereal::size_type>(size)));
    archive(cereal::binary_data(data.get(), size * sizeof(float)));
  }
  template <class Archive>
  void load(Archive& archive) {
    cereal::size_type count = 0;
    archive(cereal::make_size_tag(count));
    *this = Buffer(static_cast<std::size_t>(count));
    archive(cereal::binary_data(data.get(), size * sizeof(float)));
  }
};

class Outer {
 public:
  Outer() {}
  Angle angle{};
  std::map<std::string, Grade> grades{};
  std::vector<Grown> grown{};
  GrownMore more{};
  Ring ring{};
  Buffer buffer{};
  Path path{};
  Chooser chooser{};
  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(angle), CEREAL_NVP(grades), CEREAL_NVP(grown), CEREAL_NVP(more));
    archive(CEREAL_NVP(ring), CEREAL_NVP(buffer), CEREAL_NVP(path), cereal::defer(CEREAL_NVP(chooser)));
    archive.serializeDeferments();
  }
};

}  // namespace cereal_functions

CEREAL_CLASS_VERSION(cereal_functions::Grown, 1)
CEREAL_CLASS_VERSION(cereal_functions::GrownMore, 7)
CEREAL_CLASS_VERSION(cereal_functions::Path, 2)
namespace cereal {
template <class Archive>
struct specialize<Archive, cereal_functions::Chooser, cereal::specialization::member_load_save> {};
template <class Archive>
struct specialize<Archive, cereal_functions::GrownMore, cereal::specialization::member_load_save> {};
}  // namespace cereal

namespace {

using namespace orrery;
using namespace cereal_functions;
using round_trip::copy_of;
using round_trip::restore;
using round_trip::restore_into;
using round_trip::tree_of;
using Keys = std::vector<std::string>;

TEST_CASE("save and load make a dict; members are not copied, what save makes is") {
  const Angle angle(1.5);
  const TreeView view = describe(angle);
  CHECK(view.leaves[1].array.data == angle.samples().data());
  const Tree tree = tree_of(angle);
  CHECK(tree.keys() == Keys{"degrees", "samples", "made"});
  CHECK(tree["degrees"].scalar<double>() == 3);
  CHECK(tree["made"].array().dtype() == DType::int32);
  CHECK(copy_of(angle).radians() == 1.5);
  CHECK(copy_of(angle).samples() == angle.samples());
  FreePair pair;
  pair.a = 6;
  CHECK(tree_of(pair).keys() == Keys{"value0", "value1"});
  CHECK(copy_of(pair).a == 6);
}

TEST_CASE("free save_minimal makes a leaf, a versioned one a dict") {
  Grade grade;
  grade.points = 3;
  CHECK(tree_of(grade).string() == "***");
  CHECK(copy_of(grade).points == 3);
  Path path;
  path.parts = {"a", "b"};
  CHECK(tree_of(path).keys() == Keys{"cereal_class_version", "value0"});
  CHECK(tree_of(path)["value0"].string() == "2:a:b");
  CHECK(copy_of(path).parts == Keys{"2:a:b", "2"});
}

TEST_CASE("the version stands next to every object, and decides what is loaded") {
  Grown grown;
  grown.a = 5;
  grown.b = 6;
  const Tree tree = tree_of(std::vector<Grown>{grown, grown});
  CHECK(tree[1].keys() == Keys{"cereal_class_version", "a", "b"});
  CHECK(tree[1]["cereal_class_version"].scalar<std::int64_t>() == 1);
  Tree old = Tree::dict();
  old["a"] = std::int64_t{8};
  CHECK(restore<Grown>(old).a == 8);
  CHECK(restore<Grown>(old).b == 2);
  CHECK(restore<Grown>(old).read == 0);

  GrownMore more;
  more.a = 7;
  CHECK(tree_of(more).keys() == Keys{"cereal_class_version", "cereal_class_version.Grown", "a", "b", "c"});
  CHECK(tree_of(more)["c"].scalar<std::int64_t>() == 10);
  CHECK(copy_of(more).a == 7);
  CHECK(copy_of(more).c == 3);
  CHECK(copy_of(more).read == 1);
}

TEST_CASE("what serialize does on loading is done once everything is restored") {
  Cached cached;
  cached.values = {1, 2, 4};
  const Cached same = copy_of(cached);
  CHECK(same.sum == 7);
  CHECK(same.loads == 1);
  std::map<std::string, Cached> target{{"x", {}}};
  target["x"].values = {0, 0, 0};
  const float* place = target["x"].values.data();
  restore_into(target, tree_of(std::map<std::string, Cached>{{"x", cached}}));
  CHECK(target["x"].sum == 7);
  CHECK(target["x"].values.data() == place);  // in place
}

TEST_CASE("sizes make lists, and arrays where bytes follow") {
  Ring ring;
  ring.pairs.resize(2);
  ring.pairs[1].a = 4;
  CHECK(tree_of(ring).is_list());
  CHECK(tree_of(ring)[1]["value0"].scalar<std::int64_t>() == 4);
  CHECK(copy_of(ring).pairs[1].a == 4);
  CHECK(copy_of(Ring()).pairs.empty());
  Buffer buffer(3);
  buffer.data[2] = 9;
  CHECK(tree_of(buffer).array().at<float>({2}) == 9);
  CHECK(copy_of(buffer).data[2] == 9);
  CHECK(copy_of(buffer).size == 3);
}

TEST_CASE("all of them nest, and lists may come as the dicts of numbers that Flax makes of them") {
  Outer outer;
  outer.angle = Angle(2);
  outer.grades["x"].points = 2;
  outer.grown.resize(2);
  outer.grown[1].b = 11;
  outer.ring.pairs.resize(1);
  outer.ring.pairs[0].a = 3;
  outer.buffer = Buffer(2);
  outer.chooser.values = {5};
  Tree tree = tree_of(outer);
  CHECK(tree["chooser"].keys() == Keys{"chosen"});
  for (const char* list : {"grown", "ring"}) {
    Tree dict = Tree::dict();
    for (std::size_t i = 0; i < tree[list].size(); ++i) dict.insert({std::to_string(i)}, tree[list][i]);
    tree[list] = std::move(dict);
  }
  const Outer same = restore<Outer>(tree);
  CHECK(same.angle.radians() == 2);
  CHECK(same.grades.at("x").points == 2);
  CHECK(same.grown[1].b == 11);
  CHECK(same.ring.pairs[0].a == 3);
  CHECK(same.buffer.size == 2);
  CHECK(same.chooser.values == std::vector<float>{5});
}

TEST_CASE("what a function asks for and is not stored, or does not fit, is a typed error") {
  Tree tree = tree_of(std::vector<Angle>{Angle(1)});
  tree[0].erase("made");
  try {
    static_cast<void>(restore<std::vector<Angle>>(tree));
    FAIL("restored");
  } catch (const KeyError& error) {
    CHECK(error.missing()[0].path == "made");
  }
  tree = tree_of(Angle(1));
  tree["degrees"] = std::string("many");
  CHECK_THROWS_AS(static_cast<void>(restore<Angle>(tree)), StructureError);
  tree["degrees"] = Tree::scalar_of(AnyArray(Array<std::complex<double>>::full({}, 1)));
  CHECK_THROWS_AS(static_cast<void>(restore<Angle>(tree)), DTypeError);
}

}  // namespace
