#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "orrery/adapters/cereal.hpp"
#include "../reflect/round_trip.hpp"

namespace cereal_pointers {

class Shape {
 public:
  virtual ~Shape() = default;
  virtual double area() const = 0;
  std::string name{};
  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(name));
  }
};
class Circle : public Shape {
 public:
  Circle() {}
  explicit Circle(double r) : radius(r) {}
  double area() const override { return 3 * radius * radius; }
  double radius = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(cereal::base_class<Shape>(this), CEREAL_NVP(radius));
  }
};
// Not abstract, with a class below it.
class Square : public Shape {
 public:
  Square() {}
  double area() const override { return side * side; }
  double side = 1;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(cereal::base_class<Shape>(this), CEREAL_NVP(side));
  }
};
class Tile : public Square {
 public:
  Tile() {}
  std::vector<float> texture{};
  template <class Archive>
  void save(Archive& archive) const {
    archive(cereal::base_class<Square>(this), CEREAL_NVP(texture));
  }
  template <class Archive>
  void load(Archive& archive) {
    archive(cereal::base_class<Square>(this), CEREAL_NVP(texture));
  }
};
class Unregistered : public Shape {
 public:
  double area() const override { return 0; }
};

class Fixed {
 public:
  Fixed(std::int64_t a, std::vector<float> b) : a_(a), b_(std::move(b)) {}
  std::int64_t a() const { return a_; }
  const std::vector<float>& b() const { return b_; }
  std::string later{};

 private:
  friend class cereal::access;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(a_, cereal::make_nvp("b", b_), CEREAL_NVP(later));
  }
  template <class Archive>
  static void load_and_construct(Archive& archive, cereal::construct<Fixed>& construct) {
    std::int64_t a = 0;
    std::vector<float> b;
    archive(a, cereal::make_nvp("b", b));
    construct(a, std::move(b));
    archive(cereal::make_nvp("later", construct->later));
  }
  std::int64_t a_;
  std::vector<float> b_;
};

class Empty {
 public:
  Empty() {}
  template <class Archive>
  void serialize(Archive&) {}
};

class Node : public std::enable_shared_from_this<Node> {
 public:
  Node() {}
  std::vector<float> weights{};
  std::shared_ptr<Node> left{}, right{};
  std::weak_ptr<Node> best{};
  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(weights), CEREAL_NVP(left), CEREAL_NVP(right), CEREAL_NVP(best));
  }
};

class Drawing {
 public:
  Drawing() {}
  std::vector<std::shared_ptr<Shape>> shapes{};
  std::map<std::string, std::unique_ptr<Shape>> named{};
  std::shared_ptr<Square> square{};
  std::weak_ptr<Shape> selected{};
  std::unique_ptr<Fixed> fixed{};
  std::shared_ptr<Fixed> shared_fixed{};
  std::unique_ptr<Empty> empty{};
  std::shared_ptr<const Circle> constant{};
  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(shapes), CEREAL_NVP(named), CEREAL_NVP(square), CEREAL_NVP(selected), CEREAL_NVP(fixed), CEREAL_NVP(shared_fixed),
            CEREAL_NVP(empty), CEREAL_NVP(constant));
  }
};

// No cereal here: only what the pointers hold is described by it.
struct Plain {
  std::vector<std::shared_ptr<Shape>> shapes{};
  std::unique_ptr<Fixed> fixed{};
};

}  // namespace cereal_pointers

namespace cereal {
template <class Archive>
struct specialize<Archive, cereal_pointers::Tile, cereal::specialization::member_load_save> {};
}  // namespace cereal
CEREAL_REGISTER_TYPE(cereal_pointers::Circle)
CEREAL_REGISTER_TYPE_WITH_NAME(cereal_pointers::Square, "Square")
CEREAL_REGISTER_TYPE_WITH_NAME(cereal_pointers::Tile, "Tile")

namespace {

using namespace orrery;
using namespace cereal_pointers;
using round_trip::copy_of;
using round_trip::restore;
using round_trip::tree_of;
using Keys = std::vector<std::string>;

TEST_CASE("an object that pointers share is stored once and shared again") {
  Node root;
  root.left = std::make_shared<Node>();
  root.left->weights = {1, 2};
  root.left->left = std::make_shared<Node>();
  root.left->left->weights = {7};
  root.right = root.left;
  root.best = root.left->left;
  const Tree tree = tree_of(root);
  CHECK(tree["left"].keys() == Keys{"weights", "left", "right", "best"});
  CHECK(tree["right"]["cereal_shared"].string() == "/left");
  CHECK(tree["best"]["cereal_shared"].string() == "/left/left");
  CHECK(tree["left"]["right"].is_none());
  CHECK(describe(root).leaves[1].array.data == root.left->weights.data());

  const Node same = copy_of(root);
  CHECK(same.left == same.right);
  CHECK(same.best.lock() == same.left->left);
  CHECK(same.left->weights == std::vector<float>{1, 2});
  CHECK(same.left->shared_from_this() == same.left);

  Tree other_order = Tree::dict();  // a reference may be met before its object
  other_order["weights"] = tree["weights"];
  other_order["right"] = tree["left"];
  other_order["left"] = Tree::dict();
  other_order["left"]["cereal_shared"] = std::string("/right");
  other_order["best"] = Tree::none();
  const Node turned = restore<Node>(other_order);
  CHECK(turned.left == turned.right);
  CHECK(turned.left->weights == std::vector<float>{1, 2});
}

TEST_CASE("pointers in a cycle are refused, and so are references to nowhere") {
  Node root;
  root.left = std::make_shared<Node>();
  root.left->right = root.left;
  CHECK_THROWS_AS(describe(root), ArgumentError);
  root.left->right = nullptr;
  root.left->best = root.left;
  CHECK_THROWS_AS(describe(root), ArgumentError);
  root.left->best.reset();
  root.right = root.left;
  for (const char* path : {"/nowhere", "/right", "right"}) {
    Tree tree = tree_of(root);
    tree["right"]["cereal_shared"] = std::string(path);
    CHECK_THROWS_AS(static_cast<void>(restore<Node>(tree)), FormatError);
  }
}

TEST_CASE("polymorphic objects carry the name under which they are registered") {
  Drawing drawing;
  drawing.shapes.push_back(std::make_shared<Circle>(2));
  drawing.shapes.back()->name = "c";
  auto tile = std::make_shared<Tile>();
  tile->texture = {1, 2, 3};
  drawing.shapes.push_back(tile);
  drawing.shapes.push_back(nullptr);
  drawing.named["circle"] = std::make_unique<Circle>(1);
  drawing.square = tile;
  drawing.selected = drawing.shapes[0];
  drawing.constant = std::make_shared<Circle>(4);

  const Tree tree = tree_of(drawing);
  CHECK(tree["shapes"][0].keys() == Keys{"cereal_polymorphic_name", "name", "radius"});
  CHECK(tree["shapes"][0]["cereal_polymorphic_name"].string() == "cereal_pointers::Circle");
  CHECK(tree["shapes"][1].keys() == Keys{"cereal_polymorphic_name", "name", "side", "texture"});
  CHECK(tree["square"]["cereal_shared"].string() == "/shapes/1");
  CHECK(tree["constant"].keys() == Keys{"name", "radius"});  // of the very class that is declared
  const TreeView view = describe(drawing);
  bool in_place = false;
  for (const LeafView& leaf : view.leaves) in_place = in_place || leaf.array.data == tile->texture.data();
  CHECK(in_place);

  const Drawing same = copy_of(drawing);
  REQUIRE(same.shapes.size() == 3);
  CHECK(same.shapes[0]->name == "c");
  CHECK(same.shapes[0]->area() == 12);
  CHECK(dynamic_cast<Tile&>(*same.shapes[1]).texture == tile->texture);
  CHECK(same.shapes[2] == nullptr);
  CHECK(same.named.at("circle")->area() == 3);
  CHECK(same.square == same.shapes[1]);
  CHECK(same.selected.lock() == same.shapes[0]);
  CHECK(same.constant->radius == 4);
  CHECK(same.empty == nullptr);
}

TEST_CASE("classes that cannot be made empty are made by load_and_construct") {
  Drawing drawing;
  drawing.fixed = std::make_unique<Fixed>(3, std::vector<float>{1});
  drawing.fixed->later = "later";
  drawing.shared_fixed = std::make_shared<Fixed>(4, std::vector<float>{2});
  drawing.empty = std::make_unique<Empty>();
  const Drawing same = copy_of(drawing);
  CHECK(same.fixed->a() == 3);
  CHECK(same.fixed->b() == std::vector<float>{1});
  CHECK(same.fixed->later == "later");
  CHECK(same.shared_fixed->a() == 4);
  CHECK(same.empty != nullptr);
}

TEST_CASE("such pointers are known in structs too") {
  Plain plain;
  plain.shapes.push_back(std::make_shared<Circle>(2));
  plain.shapes.push_back(std::make_shared<Tile>());
  plain.fixed = std::make_unique<Fixed>(3, std::vector<float>{1});
  const Plain same = copy_of(plain);
  CHECK(same.shapes[0]->area() == 12);
  CHECK(dynamic_cast<Tile*>(same.shapes[1].get()));
  CHECK(same.fixed->a() == 3);
}

TEST_CASE("a polymorphic class that is not registered is an error both ways") {
  Drawing drawing;
  drawing.shapes.push_back(std::make_shared<Unregistered>());
  CHECK_THROWS_AS(describe(drawing), ArgumentError);
  drawing.shapes[0] = std::make_shared<Circle>(2);
  Tree tree = tree_of(drawing);
  tree["shapes"][0]["cereal_polymorphic_name"] = std::string("Hexagon");
  CHECK_THROWS_AS(static_cast<void>(restore<Drawing>(tree)), ArgumentError);
  tree["shapes"][0].erase("cereal_polymorphic_name");
  CHECK_THROWS_AS(static_cast<void>(restore<Drawing>(tree)), StructureError);
}

}  // namespace
