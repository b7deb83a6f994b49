// Which structs are seen, row by row of the table "what is accepted" of the reflection: of every declaration the number of members, their
// names, and a visit that changes them. Compiled by each compiler that is there, as each has an opinion of its own.
#pragma GCC diagnostic ignored "-Wpedantic"  // an array of no elements, wherever it ends up

#include <doctest/doctest.h>

#include <any>
#include <array>
#include <atomic>
#include <chrono>
#include <complex>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <Eigen/Dense>
#include <Eigen/Sparse>
#include <unsupported/Eigen/CXX11/Tensor>

#include "orrery/reflect/bind.hpp"
#include "orrery/reflect/kind.hpp"
#include "orrery/reflect/member_count.hpp"
#include "orrery/reflect/names.hpp"

namespace {

using orrery::Refusal;
using orrery::Route;
using orrery::detail::verdict;

// Gives a member another value, where that is easy to say, and tells whether it did.
template <class M>
bool change(M& member) {
  if constexpr (std::is_const_v<M>) {
    return false;
  } else if constexpr (std::is_array_v<M>) {
    if constexpr (std::extent_v<M> == 0)
      return false;
    else
      return change(member[0]);
  } else if constexpr (std::is_enum_v<M>) {
    member = static_cast<M>(1);
    return true;
  } else if constexpr (std::is_arithmetic_v<M>) {
    member = static_cast<std::remove_volatile_t<M>>(1);
    return true;
  } else if constexpr (std::is_same_v<M, std::string>) {
    member = "changed";
    return true;
  } else {
    return false;
  }
}
template <class M>
bool is_changed(const M& member) {
  if constexpr (std::is_array_v<M> && std::extent_v<M> != 0)
    return is_changed(member[0]);
  else if constexpr (std::is_enum_v<M> || std::is_arithmetic_v<M>)
    return member == static_cast<std::remove_cv_t<M>>(1);
  else if constexpr (std::is_same_v<M, std::string>)
    return member == "changed";
  else
    return false;
}

// Members lie in the object, in order of declaration, and can be written through what the visit gives.
template <class T>
void visit_all(T& object) {
  const auto address = [](const auto& of) {
    return reinterpret_cast<std::uintptr_t>(const_cast<const void*>(static_cast<const volatile void*>(std::addressof(of))));
  };
  std::uintptr_t last = address(object);
  std::size_t seen = 0, changed = 0;
  orrery::with_members(object, [&](auto&... member) {
    [[maybe_unused]] const auto one = [&](auto& m) {
      CHECK(address(m) >= last);
      CHECK(address(m) <= address(object) + sizeof(T));
      last = address(m);
      ++seen;
      changed += change(m);
    };
    (one(member), ...);
  });
  CHECK(seen == orrery::member_count<T>);
  orrery::with_members(std::as_const(object),
                       [&](const auto&... member) { CHECK((std::size_t{0} + ... + std::size_t{is_changed(member)}) >= changed); });
}

template <class T>
void check_names(std::initializer_list<std::string_view> names) {
  static_assert(orrery::detail::verdict<T>.route == Route::aggregate);
  CHECK(orrery::member_count<T> == names.size());
  const auto found = orrery::member_names<T>;
  CHECK(std::equal(found.begin(), found.end(), names.begin(), names.end()));
}
template <class T, class... A>
void check(std::initializer_list<std::string_view> names, A&&... arguments) {
  check_names<T>(names);
  T object{std::forward<A>(arguments)...};
  visit_all(object);
}

struct NoDefault {
  explicit NoDefault(int v) : value(v) {}
  int value;
};
struct ExplicitDefault {
  explicit ExplicitDefault() {}
};

// --- scalars, enums, nested aggregates, empty aggregate

enum Plain { zero, one };
enum class Scoped : std::uint8_t { zero, one };
struct Empty {};
struct Scalars {
  bool a;
  char b;
  signed char c;
  unsigned short d;
  int e;
  long f;
  unsigned long long g;
  float h;
  double i;
  long double j;
};
struct Enums {
  Plain a;
  Scoped b;
};
struct Nested {
  Scalars first;
  Empty second;
  Enums third;
};
struct OnlyOne {
  int value;
};
struct Constants {
  const int a;
  const std::string b;
};
struct Initialised {
  int a = 1;
  std::string b = "x";
};

TEST_CASE("scalars, enums, nested aggregates, the empty aggregate") {
  check<Scalars>({"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"});
  check<Enums>({"a", "b"});
  check<Nested>({"first", "second", "third"});
  check<OnlyOne>({"value"});
  check<Constants>({"a", "b"}, 3, "x");
  check<Initialised>({"a", "b"});
  check<Empty>({});
}

// --- the standard library

struct Library {
  std::string string;
  std::vector<int> vector;
  std::vector<bool> bits;
  std::map<std::string, std::vector<int>> map;
  std::set<int> set;
  std::list<std::string> list;
  std::deque<Scalars> deque;
};
struct Fixed {
  std::array<int, 3> array;
  std::pair<int, std::string> pair;
  std::tuple<int, double, std::string> tuple;
  std::complex<double> complex;
};
struct Others {
  std::chrono::seconds duration;
  std::chrono::system_clock::time_point time;
  std::filesystem::path path;
  std::span<float> span;
  std::any any;
  std::function<void(int)> function;
};
struct FirstAny {
  std::any any;
  int x;
};
struct OnlyFunction {
  std::function<int()> call;
};
struct OnlyVector {
  std::vector<int> v;
};

TEST_CASE("string, vector, map, set, list, deque, array, pair, tuple, chrono, path, span, complex, any, function") {
  check<Library>({"string", "vector", "bits", "map", "set", "list", "deque"});
  check<Fixed>({"array", "pair", "tuple", "complex"});
  check<Others>({"duration", "time", "path", "span", "any", "function"});
  check<FirstAny>({"any", "x"});
  check<OnlyFunction>({"call"});
  check<OnlyVector>({"v"});
}

// --- optional, variant, pointers, recursion

struct Choices {
  std::optional<std::string> optional;
  std::optional<std::optional<int>> twice;
  std::variant<int, std::string> variant;
  std::variant<int, int, int> same;
  std::unique_ptr<Scalars> unique;
  std::shared_ptr<Choices> shared;
};
struct Recursive {
  int value;
  std::vector<Recursive> children;
  std::unique_ptr<Recursive> next;
  std::map<std::string, Recursive> named;
  std::shared_ptr<Recursive> parent;
};

TEST_CASE("optional, variant, also of one type, unique_ptr, shared_ptr, recursive through pointers and vectors") {
  check<Choices>({"optional", "twice", "variant", "same", "unique", "shared"});
  check<Recursive>({"value", "children", "next", "named", "parent"});
}

// --- members that cannot be moved, or made

struct Immovable {
  std::atomic<int> atomic;
  std::mutex mutex;
  std::once_flag once;
  int plain;
};
struct WithoutDefault {
  NoDefault a;
  int b;
  NoDefault c;
};
struct InitialisedWithoutDefault {
  int a = 1;
  NoDefault b = NoDefault(2);
  std::string c;
};
struct Explicit {
  int a;
  ExplicitDefault b;
};

TEST_CASE("atomic, mutex and other members that cannot be moved") { check<Immovable>({"atomic", "mutex", "once", "plain"}); }
TEST_CASE("members without default constructor") {
  check<WithoutDefault>({"a", "b", "c"}, NoDefault(1), 2, NoDefault(3));
  check<InitialisedWithoutDefault>({"a", "b", "c"});
  check<Explicit>({"a", "b"}, 1, ExplicitDefault());
}

// --- Eigen

struct Dense {
  Eigen::Matrix3d fixed;
  Eigen::MatrixXf dynamic;
  Eigen::VectorXi vector;
  Eigen::ArrayXXd array;
  Eigen::Quaterniond quaternion;
  Eigen::Isometry3d isometry;
};
struct SparseAndTensor {
  Eigen::SparseMatrix<double> sparse;
  Eigen::Tensor<float, 3> tensor;
};
struct Views {
  Eigen::Map<Eigen::MatrixXf> map;
  Eigen::Ref<Eigen::VectorXf> ref;
  int plain;
};
struct Holders {
  std::optional<Eigen::MatrixXf> optional;
  std::variant<Eigen::MatrixXf, Eigen::Vector2d> variant;
  std::vector<Eigen::MatrixXf> vector;
  std::map<std::string, Eigen::VectorXf> map;
};

TEST_CASE("Eigen: fixed, dynamic, Array, Quaternion, Isometry, Sparse, Tensor") {
  check<Dense>({"fixed", "dynamic", "vector", "array", "quaternion", "isometry"});
  check<SparseAndTensor>({"sparse", "tensor"});
}
TEST_CASE("Eigen: Map, Ref") {
  float elements[4]{};
  Eigen::VectorXf vector(2);
  check<Views>({"map", "ref", "plain"}, Eigen::Map<Eigen::MatrixXf>(elements, 2, 2), Eigen::Ref<Eigen::VectorXf>(vector), 3);
}
TEST_CASE("optional, variant, vector, map of Eigen matrices") { check<Holders>({"optional", "variant", "vector", "map"}); }

// --- C arrays

struct Arrays {
  int one[3];
  double two[2][3];
  Scalars structs[2];
  std::string strings[2];
  alignas(64) float aligned[5];
  char text[16];
};
struct ArraysWithoutDefault {
  int a[2];
  NoDefault b;
  float c[2][2];
};
struct ZeroLength {
  int a;
  float none[0];
};

TEST_CASE("C arrays, also of two dimensions, of structs, of strings; aligned ones") {
  check<Arrays>({"one", "two", "structs", "strings", "aligned", "text"});
  check_names<ArraysWithoutDefault>({"a", "b", "c"});
  ArraysWithoutDefault object{{1, 2}, NoDefault(3), {{4, 5}, {6, 7}}};
  visit_all(object);
}
TEST_CASE("an array of no elements, which is an extension") { check<ZeroLength>({"a", "none"}); }

// --- bases

struct OtherEmpty {};
template <class T>
struct Crtp {};
struct Based : Empty {
  int a;
  std::string b;
};
struct TwiceBased : Empty, OtherEmpty {
  int a;
};
struct CrtpBased : Crtp<CrtpBased> {
  int a;
  std::any b;
};
struct Data {
  int data;
};
struct DataBased : Data {
  int a;
};

TEST_CASE("empty bases, and one that knows its heir") {
  check<Based>({"a", "b"});
  check<TwiceBased>({"a"});
  check<CrtpBased>({"a", "b"});
}
TEST_CASE("a base with data is refused, by message") { CHECK(verdict<DataBased>.refusal == Refusal::data_in_base); }

// --- many members

#define TEN(n) int n##0, n##1, n##2, n##3, n##4, n##5, n##6, n##7, n##8, n##9;
#define SIXTY TEN(a) TEN(b) TEN(c) TEN(d) TEN(e) TEN(f)
struct SixtyFive {
  SIXTY std::string g0;
  int g1, g2, g3;
  double last;
};
struct Hundred {
  SIXTY TEN(g) TEN(h) TEN(i) int j0, j1, j2, j3, j4, j5, j6, j7, j8;
  std::string last;
};
struct HundredAndOne {
  SIXTY TEN(g) TEN(h) TEN(i) TEN(j) int last;
};
struct TwoHundred {
  SIXTY TEN(g) TEN(h) TEN(i) TEN(j) TEN(k) TEN(l) TEN(m) TEN(n) TEN(o) TEN(p) TEN(q) TEN(r) TEN(s) TEN(t)
};

TEST_CASE("up to a hundred members; above, a message") {
  CHECK(orrery::member_count<SixtyFive> == 65);
  CHECK(orrery::member_names<SixtyFive>.front() == "a0");
  CHECK(orrery::member_names<SixtyFive>[60] == "g0");
  CHECK(orrery::member_names<SixtyFive>.back() == "last");
  SixtyFive some{};
  visit_all(some);
  CHECK(orrery::member_count<Hundred> == 100);
  CHECK(orrery::member_names<Hundred>[98] == "j8");
  CHECK(orrery::member_names<Hundred>.back() == "last");
  Hundred many{};
  visit_all(many);
  CHECK(verdict<HundredAndOne>.refusal == Refusal::too_many_members);
  CHECK(verdict<TwoHundred>.refusal == Refusal::too_many_members);
}

// --- where a struct stands

template <class T, int N>
struct Outer {
  template <class U>
  struct Inner {
    T t;
    U u;
    int n[N];
  };
};
struct Odd_ {
  int _leading;
  int trailing_;
  int größe;
  void (*pointer_)(int);
};

TEST_CASE("local structs, templates within templates, odd names, the unnamed namespace") {
  struct Local {
    int a;
    std::string b;
  };
  check<Local>({"a", "b"});
  check<Outer<std::pair<int, float>, 2>::Inner<std::vector<std::string>>>({"t", "u", "n"});
  check<Outer<void (*)(int), 1>::Inner<std::function<int(int)>>>({"t", "u", "n"});
  check<Odd_>({"_leading", "trailing_", "größe", "pointer_"});
}

// --- what one compiler can

struct Volatile {
  volatile int a;
  int b;
};
// On g++ it stops the compiler itself, as nothing can be bound to its members.
struct [[gnu::packed]] Packed {
  char a;
  int b;
};

TEST_CASE("volatile members and packed structs: clang only") {
#ifdef __clang__
  check<Volatile>({"a", "b"});
  check_names<Packed>({"a", "b"});
#endif
}

// --- what cannot be

struct Reference {
  int& a;
  int b;
};
class Private {
 public:
  int a = 0;

 private:
  [[maybe_unused]] int b_ = 0;
};
struct Constructed {
  Constructed(int v) : a(v) {}
  int a;
};
struct Virtual {
  virtual ~Virtual() = default;
  int a = 0;
};
struct PrivateBase : private Empty {
  int a;
};

// Bit-fields stop the compiler itself: tests/compile_fail.
TEST_CASE("references, private members, constructors, virtual functions are refused, each by its message") {
  CHECK(verdict<Reference>.route == Route::refused);
  CHECK(verdict<Private>.refusal == Refusal::not_described);
  CHECK(verdict<Constructed>.refusal == Refusal::not_described);
  CHECK(verdict<Virtual>.refusal == Refusal::not_described);
  CHECK(verdict<PrivateBase>.refusal == Refusal::not_described);
}

}  // namespace
