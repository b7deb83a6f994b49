#include <doctest/doctest.h>

#include <any>
#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include <Eigen/Core>
#include <boost/pfr/detail/fields_count.hpp>

#include "orrery/reflect/bind.hpp"
#include "orrery/reflect/member_count.hpp"

namespace {

using orrery::CountTrouble;
using orrery::member_count;
using orrery::member_count_of;

template <class T>
constexpr bool as_pfr = member_count<T> == boost::pfr::detail::fields_count<T>();

struct Empty {};
struct OtherEmpty {};
template <class T>
struct Crtp {};
struct Data {
  int data;
};
struct NoDefault {
  explicit NoDefault(int) {}
};
struct ExplicitDefault {
  explicit ExplicitDefault() {}
};
enum class Colour { red };

struct Scalars {
  int a;
  double b;
  bool c;
  char d;
  Colour e;
};
struct Library {
  std::string a;
  std::vector<int> b;
  std::map<std::string, std::vector<int>> c;
  std::tuple<int, int> d;
  std::optional<std::string> e;
  std::variant<int, int, std::string> f;
  std::unique_ptr<Scalars> g;
  std::array<int, 3> h;
  std::function<void()> i;
  std::any j;
};
struct Fixed {
  std::atomic<int> a;
  std::mutex b;
};
struct Constants {
  const int a;
  const std::string b;
};
struct Initialised {
  int a = 1;
  std::string b = "x";
  NoDefault c = NoDefault(3);
  int d = 2;
};
struct WithoutDefault {
  NoDefault a;
  int b;
  NoDefault c;
};
struct Node {
  int value;
  std::vector<Node> children;
  std::unique_ptr<Node> next;
};

struct Arrays {
  int a[3];
  float b[2][3];
  std::string c[2];
  alignas(16) char d[5];
  Scalars e[2];
};
struct ArraysWithoutDefault {
  int a;
  NoDefault b[2];
  int c[4];
  NoDefault d;
  float e[2][2];
};
struct ExplicitMember {
  int a;
  ExplicitDefault b;
  int c[3];
};
struct OneArray {
  double a[100];
};

struct Based : Empty {
  int a;
  std::string b;
};
struct TwiceBased : Empty, OtherEmpty {
  int a;
};
struct CrtpBased : Crtp<CrtpBased> {
  int a;
  int b;
};
struct BasedGreedy : Empty {
  std::any a;
  int b;
};
struct BasedFunction : Empty {
  std::function<void()> a;
  int b;
};
struct BasedWithoutDefault : Empty {
  NoDefault a;
  int b[3];
};
struct DataBased : Data {
  int a;
};
struct OnlyDataBased : Data {};
struct DeepDataBased : DataBased {
  int b;
};
struct MixedBased : Data, Empty {
  NoDefault a;
};

struct Reference {
  int& a;
  int b;
};

struct Views {
  Eigen::Map<Eigen::VectorXf> a;
  int b[3];
  Eigen::Ref<Eigen::MatrixXf> c;
};
struct BasedViews : Empty {
  Eigen::Map<Eigen::VectorXf> a;
  int b[3];
};
struct Matrices {
  Eigen::MatrixXf a;
  Eigen::Matrix3d b;
  Eigen::ArrayXXf c;
  std::vector<Eigen::VectorXf> d;
};
struct OptionalMatrix {
  std::optional<Eigen::MatrixXf> a;
  std::variant<int, Eigen::MatrixXf> b;
  int c[2];
};

#define TEN(n) int n##0, n##1, n##2, n##3, n##4, n##5, n##6, n##7, n##8, n##9;
#define NINETY TEN(a) TEN(b) TEN(c) TEN(d) TEN(e) TEN(f) TEN(g) TEN(h) TEN(i)
struct Hundred {
  NINETY TEN(j)
};
struct HundredAndOne {
  NINETY TEN(j) int last;
};
struct NinetyNine : Empty {
  NINETY int j0, j1, j2, j3, j4, j5, j6, j7, j8;
};

TEST_CASE("members are counted as PFR counts them wherever PFR can count") {
  CHECK(as_pfr<Scalars>);
  CHECK(as_pfr<Library>);
  CHECK(as_pfr<Fixed>);
  CHECK(as_pfr<Constants>);
  CHECK(as_pfr<Node>);
  CHECK(as_pfr<Matrices>);
  CHECK(as_pfr<WithoutDefault>);
  CHECK(as_pfr<Initialised>);
  CHECK(as_pfr<Hundred>);
  CHECK(member_count<Library> == 10);
  CHECK(member_count<Initialised> == 4);
  CHECK(member_count<WithoutDefault> == 3);
}

TEST_CASE("a C array is one member, whatever its rank and whatever stands beside it") {
  CHECK(member_count<Arrays> == 5);
  CHECK(member_count<OneArray> == 1);
  CHECK(member_count<ArraysWithoutDefault> == 5);
  CHECK(member_count<ExplicitMember> == 3);
}

TEST_CASE("empty bases are no members, and a greedy first member is no base") {
  CHECK(member_count<Based> == 2);
  CHECK(member_count<TwiceBased> == 1);
  CHECK(member_count<CrtpBased> == 2);
  CHECK(member_count<BasedGreedy> == 2);
  CHECK(member_count<BasedFunction> == 2);
  CHECK(member_count<BasedWithoutDefault> == 2);
  CHECK(member_count<NinetyNine> == 99);
}

TEST_CASE("a base with data is told apart") {
  CHECK(member_count_of<DataBased>.trouble == CountTrouble::data_in_base);
  CHECK(member_count_of<OnlyDataBased>.trouble == CountTrouble::data_in_base);
  CHECK(member_count_of<DeepDataBased>.trouble == CountTrouble::data_in_base);
  CHECK(member_count_of<MixedBased>.trouble == CountTrouble::data_in_base);
}

TEST_CASE("Eigen's views and optional matrices can be counted") {
  CHECK(member_count<Views> == 3);
  CHECK(member_count<BasedViews> == 2);
  CHECK(member_count<OptionalMatrix> == 3);
}

TEST_CASE("the limit is a hundred members, and references cannot be counted") {
  CHECK(member_count<Hundred> == 100);
  CHECK(member_count_of<HundredAndOne>.trouble == CountTrouble::too_many_members);
  CHECK(member_count_of<Reference>.trouble == CountTrouble::not_countable);
  CHECK(member_count_of<Empty>.trouble == CountTrouble::none);
  CHECK(member_count<Empty> == 0);
}

TEST_CASE("bound members are the members themselves, in order") {
  Arrays object{};
  orrery::with_members(object, [&](auto&... member) {
    std::vector<const void*> addresses{&member...};
    CHECK(addresses == std::vector<const void*>{&object.a, &object.b, &object.c, &object.d, &object.e});
  });
  Hundred many{};
  orrery::with_members(many, [](auto&... member) {
    int next = 0;
    ((member = next++), ...);
  });
  CHECK(many.a0 == 0);
  CHECK(many.j9 == 99);
  const Based constant{{}, 1, "x"};
  orrery::with_members(constant, [](auto& a, auto& b) {
    CHECK(std::is_const_v<std::remove_reference_t<decltype(a)>>);
    CHECK(b == "x");
  });
  Empty empty;
  CHECK(orrery::with_members(empty, [](auto&... member) { return sizeof...(member); }) == 0);
}

}  // namespace
