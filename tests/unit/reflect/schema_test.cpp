#include "orrery/reflect/schema.hpp"

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <complex>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <valarray>
#include <variant>
#include <vector>

#include "orrery/flax/frozen_dict.hpp"
#include "orrery/optax/states.hpp"
#include "orrery/reflect/reflectable.hpp"
#include "orrery/sharding.hpp"

namespace schemas {

enum class Color { red, green };
struct Dense {
  std::vector<float> bias{};
  float kernel[5][3]{};
};
struct Node {
  std::string name{};
  std::vector<Node> children{};
  std::unique_ptr<Node> next{};
};
class Clock {
 public:
  std::int64_t ticks() const { return 1; }
  std::map<std::string, Dense> dense() const { return {}; }

 private:
  friend struct orrery::Reflect<Clock>;
  double phase_ = 0;
};

// Everything that has a line of its own kind.
struct Everything {
  std::int64_t step{};
  std::int32_t count{};
  orrery::NumpyScalar<float> loss{};
  bool flag{};
  std::complex<double> phase{};
  std::string text{};
  Color color{};
  const int version = 1;
  orrery::Array<orrery::bfloat16> any_rank{};
  orrery::AnyArray any{};
  orrery::PrngKey key{};
  orrery::ShardedArray<float> sharded{};
  orrery::Tree tree{};
  orrery::Static<int> kept{};
  std::array<double, 4> four{};
  std::array<Dense, 2> two{};
  std::string names[3]{};
  std::deque<float> deque{};
  std::list<std::string> list{};
  std::map<std::string, Dense> params{};
  std::unordered_map<int, std::int64_t> numbered{};
  orrery::flax::FrozenDict<std::string, Dense> frozen{};
  std::tuple<int, std::monostate, Dense> tuple{};
  std::pair<std::string, double> pair{};
  std::tuple<> empty{};
  std::optional<Dense> optional{};
  std::shared_ptr<std::optional<double>> shared{};
  std::variant<std::monostate, Dense, std::vector<std::string>> variant{};
  std::set<std::string> tags{};
  std::set<int> ids{};
  std::chrono::milliseconds time{};
  orrery::optax::EmptyState nothing{};
  Node root{};
  Clock clock{};
};

}  // namespace schemas

template <>
struct orrery::Reflect<schemas::Clock> {
  using T = schemas::Clock;
  static constexpr auto fields =
      orrery::fields(orrery::field("ticks", &T::ticks), orrery::field("dense", &T::dense), orrery::field<&T::phase_>("phase"));
};

namespace schemas {
namespace {

using namespace orrery;

constexpr std::string_view everything = R"(step: int64
count: int32[]
loss: numpy float32
flag: bool
phase: complex128
text: string
color: int32[]
version: int32[]
any_rank: bfloat16[...]
any: any[...]
key: prng_key uint32[...]
sharded: float32[...]
tree: tree
four: float64[4]
two/[2]/bias: float32[?]
two/[2]/kernel: float32[5,3]
names/[3]: string
deque/[]: float32[]
list/[]: string
params/{}/bias: float32[?]
params/{}/kernel: float32[5,3]
numbered/{int}: int64
frozen/{}/bias: float32[?]
frozen/{}/kernel: float32[5,3]
tuple/0: int32[]
tuple/1: none
tuple/2/bias: float32[?]
tuple/2/kernel: float32[5,3]
pair/0: string
pair/1: float64
empty: none
optional?/bias: float32[?]
optional?/kernel: float32[5,3]
shared??: float64
variant|0: none
variant|1/bias: float32[?]
variant|1/kernel: float32[5,3]
variant|2/[]: string
tags/[]: string
ids: int32[?]
time: int64
nothing: none
root/name: string
root/children/[]: ^Node
root/next?: ^Node
clock/ticks: int64
clock/dense/{}/bias: float32[?]
clock/dense/{}/kernel: float32[5,3]
clock/phase: float64
)";

// Both ways to one text.
template <class T>
void check_schema(std::string_view text) {
  CHECK(schema<T>() == text);
  CHECK(schema_text(ops<T>()) == text);
  CHECK(schema_fingerprint(ops<T>()) == fingerprint<T>());
}

TEST_CASE("a schema has a line for each leaf that a type can have") {
  static_assert(schema<Everything>().size() == everything.size());
  check_schema<Everything>(everything);
}

TEST_CASE("a root that is no struct has a schema too") {
  check_schema<double>(".: float64\n");
  check_schema<std::optional<std::vector<int>>>("?: int32[?]\n");
  check_schema<std::map<std::string, float>>("{}: float32[]\n");
  check_schema<std::vector<std::variant<int, std::string>>>("[]|0: int32[]\n[]|1: string\n");
  check_schema<const Dense&>("bias: float32[?]\nkernel: float32[5,3]\n");
}

TEST_CASE("a fingerprint is a constant, the same for what is stored alike") {
  struct Renamed {
    std::valarray<float> bias{};
    std::array<std::int64_t, 0> kernel{};
  };
  struct Alike {
    std::valarray<float> bias{};
    const float kernel[5][3]{};
  };
  static_assert(fingerprint<Dense>() == fingerprint<Alike>());
  static_assert(fingerprint<Dense>() != fingerprint<Renamed>());
  static_assert(fingerprint<std::vector<int>>() != fingerprint<std::vector<float>>());
  // Kept in files: must never change.
  static_assert(fingerprint<double>() == 0xb4cb516e348b89cdu);
  CHECK(fingerprint_text(0x0123456789abcdefu) == "0123456789abcdef");
}

TEST_CASE("a type is pinned to a schema in the source") {
  static_assert(matches<Dense>("bias: float32[?]\nkernel: float32[5,3]"_schema));
  static_assert(matches<Dense>(R"(
    bias: float32[?]

    kernel: float32[5,3]
  )"_schema));
  constexpr auto lines = detail::first_difference("a: int64\nb: string", "a: int64\n  b: float64[?]\n");
  static_assert(lines.committed == "b: string" && lines.now == "b: float64[?]");
  static_assert(detail::first_difference("a: int64", "a: int64\nb: none\n").committed == "(the end)");
  static_assert(detail::first_difference("a: int64\nb: none", "a: int64\n").now == "(the end)");
}

}  // namespace
}  // namespace schemas
