#include <doctest/doctest.h>

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <any>
#include <span>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

#include "orrery/reflect/reflectable.hpp"

namespace {

struct Aggregate {
  int a;
};
struct Empty {};
struct Base {
  int a;
};
struct Derived : Base {
  int b;
};
struct Reference {
  const int& r;
  int b;
};
struct Fields {
  int a;
};
struct Leaf {
  float a;
};
struct Container {
  std::vector<int> a;
};
struct Over {
  int a;
};
class Silent {
 public:
  Silent() {}
  int a = 0;
};
union Union {
  int a;
  float b;
};
struct AllThree {
  int a;
};

}  // namespace

template <>
struct orrery::Reflect<Fields> {
  static constexpr auto fields = orrery::fields(orrery::field<&Fields::a>("b"));
};
template <>
struct orrery::Reflect<Over> : orrery::via_hana<Over> {};
template <>
struct orrery::LeafTraits<Leaf> {
  using element = float;
  static constexpr std::array<std::int64_t, 0> extents{};
  static std::array<std::int64_t, 0> shape(const Leaf&) { return {}; }
  static const float* data(const Leaf& leaf) { return &leaf.a; }
};
template <>
struct orrery::ContainerTraits<Container> {
  static constexpr orrery::TypeOps ops() {
    orrery::TypeOps row = orrery::detail::ContainerRow<std::vector<std::string>>::ops();
    row.type_name = "Container";
    return row;
  }
};
template <>
struct orrery::Reflect<AllThree> : orrery::Reflect<Fields> {
  static constexpr auto fields = orrery::fields(orrery::field<&AllThree::a>("c"));
};
template <>
struct orrery::LeafTraits<AllThree> : orrery::LeafTraits<Leaf> {};
// A user's opinion of a standard type.
template <>
struct orrery::LeafTraits<std::array<bool, 3>> {
  using element = bool;
  static constexpr std::array<std::int64_t, 1> extents{3};
  static std::array<std::int64_t, 1> shape(const std::array<bool, 3>&) { return {3}; }
  static const bool* data(const std::array<bool, 3>& a) { return a.data(); }
};

namespace {

using namespace orrery;
using detail::verdict;

TEST_CASE("the routes are taken in their order") {
  CHECK(kind_of<Fields>() == Route::user_fields);
  CHECK(kind_of<AllThree>() == Route::user_fields);
  CHECK(kind_of<Leaf>() == Route::user_leaf);
  CHECK(kind_of<std::array<bool, 3>>() == Route::user_leaf);
  CHECK(kind_of<Container>() == Route::user_container);
  CHECK(kind_of<int>() == Route::leaf);
  CHECK(kind_of<std::array<int, 3>>() == Route::leaf);
  CHECK(kind_of<std::vector<float>>() == Route::leaf);
  CHECK(kind_of<float[3]>() == Route::leaf);
  CHECK(kind_of<std::vector<std::string>>() == Route::container);
  CHECK(kind_of<std::array<std::string, 3>>() == Route::container);
  CHECK(kind_of<Aggregate[3]>() == Route::container);
  CHECK(kind_of<std::monostate>() == Route::container);
  CHECK(kind_of<Static<Silent>>() == Route::container);
  CHECK(kind_of<Aggregate>() == Route::aggregate);
  CHECK(kind_of<const Aggregate>() == Route::aggregate);
  CHECK(kind_of<Empty>() == Route::aggregate);
  CHECK(ops<Container>().type_name == "Container");
  CHECK(ops<Leaf>().leaf.extents.empty());
}

TEST_CASE("what no route takes is refused, and why is known") {
  CHECK(verdict<Silent>.refusal == Refusal::not_described);
  CHECK(verdict<std::any>.refusal == Refusal::not_described);
  CHECK(verdict<int*>.refusal == Refusal::pointer);
  CHECK(verdict<const char*>.refusal == Refusal::pointer);
  CHECK(verdict<int&>.refusal == Refusal::reference);
  CHECK(verdict<Union>.refusal == Refusal::union_type);
  CHECK(verdict<Derived>.refusal == Refusal::data_in_base);
  CHECK(verdict<Reference>.refusal == Refusal::not_nameable);
  CHECK(verdict<Over>.refusal == Refusal::no_adapter);
  CHECK(verdict<std::map<double, int>>.refusal == Refusal::map_key);
  CHECK(verdict<std::map<std::string_view, int>>.refusal == Refusal::map_key);
  CHECK(!Reflectable<Silent>);
  CHECK(Reflectable<const Aggregate&>);
  CHECK(PyTree<Silent>);
  CHECK(!PyTree<void>);
}

TEST_CASE("an adapter's route is asked for only where nothing else speaks") {
  CHECK(verdict<Over>.route == Route::refused);
  CHECK(verdict<Aggregate>.route == Route::aggregate);
}

}  // namespace
