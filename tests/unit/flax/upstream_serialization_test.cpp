// What Flax's own serialization_test.py promises (spec/flax-legacy.md 9.2). Not taken over, since there is no network here: that a model
// computes the same after T-S1, T-S4 and T-S15, whose parameters are plain structs and trees here; and of T-S8 the dtypes g, G, f16 and c32
// (long double and its complex), whose padding bytes are not even Python's own business.
#include <doctest/doctest.h>

#include <array>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "guide_state.hpp"
#include "orrery/flax.hpp"
#include "orrery/formats/msgpack/reader.hpp"
#include "orrery/formats/msgpack/writer.hpp"
#include "orrery/optax/states.hpp"

namespace {

// A class whose state is its one member's value (T-S3).
struct Box {
  std::int64_t value = 0;
};

}  // namespace

template <>
struct orrery::LeafTraits<Box> {
  using element = std::int64_t;
  static constexpr std::array<std::int64_t, 0> extents{};
  static std::array<std::int64_t, 0> shape(const Box&) { return {}; }
  static const element* data(const Box& box) { return &box.value; }
};

namespace {

using namespace orrery;
namespace fx = orrery::flax;

struct Dense {
  Array<float> bias = Array<float>({1});
  Array<float> kernel = Array<float>({1, 1});
  friend bool operator==(const Dense&, const Dense&) = default;
};
struct Variables {
  Dense params{};
  friend bool operator==(const Variables&, const Variables&) = default;
};
Variables dense(float value) { return {{Array<float>::full({1}, value), Array<float>::full({1, 1}, value)}}; }

struct Point {
  std::int64_t x = 1;
  std::int64_t y = 2;
  Static<std::string> meta{{"m"}};
};
struct Tuple {  // a namedtuple
  using orrery_namedtuple = void;
  std::int64_t a = 0, b = 0, c = 0;
};
struct Partial {  // functools.partial as jax.tree_util has it: the function is no part of the state
  Static<int (*)(int)> func{};
  std::tuple<std::int64_t> args{};
  std::map<std::string, std::int64_t> keywords{};
};

Tree dict(std::initializer_list<std::pair<const char*, Tree>> items) {
  Tree tree = Tree::dict();
  for (const auto& [key, value] : items) tree.insert({key}, value);
  return tree;
}
Tree num(std::int64_t value) { return Tree::scalar(value); }

// Bytes that are values of every dtype.
AnyArray pattern(DType dtype, Shape shape) {
  AnyArray array = AnyArray::zeros(dtype, std::move(shape));
  const std::size_t size = array.view().nbytes();
  for (std::size_t i = 0; i < size; ++i) {
    const auto byte = static_cast<unsigned char>(dtype == DType::bool_ ? i % 2 : i % 120);
    std::memcpy(static_cast<char*>(array.data()) + i, &byte, 1);
  }
  return array;
}

template <class T>
std::string bytes_with_limit(const T& value, std::size_t max_chunk_size) {
  std::string out;
  const TreeView view = describe(value);
  msgpack_format::to_string(msgpack_format::image_of_state_dict(view, {max_chunk_size}), out);
  return out;
}

const Array<double>& large() {
  static const Array<double> array = Array<double>::arange(0, 21 * 37).reshape({21, 37});
  return array;
}

template <class E, class Target, class Saved>
void mismatch(const Target& target, const Saved& saved, const std::string& text) {
  CHECK_THROWS_WITH_AS(fx::from_bytes(target, fx::to_bytes(saved)), doctest::Contains(text.c_str()), E);
}

}  // namespace

TEST_CASE("T-S1: a state with integer keys, as nnx has them, goes through msgpack and keeps them") {
  Tree layers = Tree::dict();
  for (const char* index : {"0", "1"})
    layers.insert({index, DictKeyKind::integer},
                  dict({{"bias", Tree(Array<float>::full({4}, 1))}, {"kernel", Tree(Array<float>({3, 4}))}}));
  const Tree state = dict({{"layers", layers}});
  const Tree back = fx::msgpack_restore(fx::msgpack_serialize(state));
  CHECK(back == state);
  CHECK(back["layers"].items()[1].key.kind == DictKeyKind::integer);
}

TEST_CASE("T-S2: a struct's state is its data, and restoring keeps what is static and wants exactly its fields") {
  CHECK(fx::to_state_dict(Point{}) == dict({{"x", num(1)}, {"y", num(2)}}));
  const Point back = fx::from_state_dict(Point{1, 2, {{"kept"}}}, dict({{"x", num(3)}, {"y", num(4)}}));
  CHECK(back.x == 3);
  CHECK(back.y == 4);
  CHECK(back.meta.value == "kept");
  CHECK_THROWS_AS(fx::from_state_dict(Point{}, dict({{"x", num(3)}, {"y", num(4)}, {"z", num(5)}})), StructureError);
  CHECK_THROWS_AS(fx::from_state_dict(Point{}, dict({{"x", num(3)}})), KeyError);
}

TEST_CASE("T-S3: a type may say that it is stored as its bare value") {
  const Tree state = fx::to_state_dict(Box{123});
  CHECK(state.is_leaf());
  CHECK(state.scalar<std::int64_t>() == 123);
  CHECK(fx::from_state_dict(Box{}, state).value == 123);
}

TEST_CASE("T-S4: the parameters of a layer are a dict of two arrays, whose values are replaced") {
  const Tree state = fx::to_state_dict(dense(2));
  CHECK(state == dict({{"params", dict({{"bias", Tree(dense(2).params.bias)}, {"kernel", Tree(dense(2).params.kernel)}})}}));
  CHECK(fx::from_state_dict(dense(0), state) == dense(2));
  using Frozen = fx::FrozenDict<fx::FrozenDict<Array<float>>>;
  const Frozen frozen{{"params", {{"bias", Array<float>({1})}, {"kernel", Array<float>({1, 1})}}}};
  CHECK(fx::from_state_dict(frozen, state)["params"]["kernel"] == dense(2).params.kernel);
}

TEST_CASE("T-S5: of a partial function the arguments are the state") {
  const Partial partial{{}, {1}, {}};
  const Tree state = fx::to_state_dict(partial);
  CHECK(state == dict({{"args", dict({{"0", num(1)}})}, {"keywords", Tree::dict()}}));
  CHECK(std::get<0>(fx::from_state_dict(Partial{{}, {2}, {}}, state).args) == 1);
}

TEST_CASE("T-S6 and T-S16: a momentum state is the trace and an empty state, as a state dict and as bytes") {
  using Sgd = optax::SgdMomentumState<Variables>;
  Sgd sgd;
  std::get<0>(sgd).trace = dense(3);
  const Tree state = fx::to_state_dict(sgd);
  CHECK(state == dict({{"0", dict({{"trace", fx::to_state_dict(dense(3))}})}, {"1", Tree::dict()}}));
  CHECK(std::get<0>(fx::from_state_dict(Sgd{}, state)).trace == dense(3));
  CHECK(std::get<0>(fx::from_bytes(Sgd{}, fx::to_bytes(sgd))).trace == dense(3));
}

TEST_CASE("T-S7: a struct in a collection of variables is the dict of its fields") {
  struct Dummy {
    double x = 2.0;
  };
  using Collection = std::map<std::string, std::map<std::string, Dummy>>;
  const Collection variables{{"state", {{"dummy", {}}}}};
  const Tree state = fx::to_state_dict(variables);
  CHECK(state == dict({{"state", dict({{"dummy", dict({{"x", Tree::scalar(2.0)}})}})}}));
  CHECK(fx::from_state_dict(Collection{{"state", {{"dummy", {7.0}}}}}, state).at("state").at("dummy").x == 2.0);
}

TEST_CASE("T-S8 and T-S9: scalars and arrays of every dtype of NumPy and JAX keep dtype, shape and values") {
  for (DType dtype :
       {DType::bool_, DType::int8, DType::int16, DType::int32, DType::int64, DType::uint8, DType::uint16, DType::uint32, DType::uint64,
        DType::float16, DType::bfloat16, DType::float32, DType::float64, DType::complex64, DType::complex128, DType::timedelta64}) {
    const Tree scalar = Tree::numpy_scalar(pattern(dtype, {}));
    CHECK(fx::msgpack_restore(fx::msgpack_serialize(scalar)) == scalar);
    for (const Shape& shape : {Shape{}, Shape{5}, Shape{10, 10}, Shape{1, 20, 30, 1}}) {
      const AnyArray array = pattern(dtype, shape);
      const Tree back = fx::msgpack_restore(fx::msgpack_serialize(Tree::from_array(array)));
      CHECK(back.dtype() == dtype);
      CHECK(back.shape() == shape);
      CHECK(back.array() == array);
      CHECK(fx::from_bytes(AnyArray::zeros(dtype, shape), fx::to_bytes(array)) == array);
    }
  }
}

TEST_CASE("T-S10: complex numbers come back") {
  for (const std::complex<double> number : {std::complex<double>(0, 1), std::complex<double>(1, 2)}) {
    CHECK(fx::from_bytes(std::complex<double>(), fx::to_bytes(number)) == number);
    CHECK(fx::msgpack_restore(fx::to_bytes(number)).scalar<std::complex<double>>() == number);
  }
}

TEST_CASE("T-S11: an array above the limit is cut, and a restore has it whole") {
  const std::string bytes = bytes_with_limit(std::map<std::string, Array<double>>{{"a", large()}}, 91 * 8);
  CHECK(bytes.find("__msgpack_chunked_array__") != std::string::npos);
  CHECK(fx::msgpack_restore(bytes)["a"] == Tree(large()));
}

TEST_CASE("T-S12: bytes that were not cut are restored whatever the limit is") {
  const std::string bytes = fx::to_bytes(std::map<std::string, Array<double>>{{"a", large()}});
  CHECK(bytes.find("__msgpack_chunked_array__") == std::string::npos);
  CHECK(fx::msgpack_restore(bytes)["a"] == Tree(large()));
}

TEST_CASE("T-S13: a namedtuple keeps its type and its values through bytes") {
  const Tuple back = fx::from_bytes(Tuple{}, fx::to_bytes(Tuple{1, 2, 3}));
  CHECK(std::tuple(back.a, back.b, back.c) == std::tuple<std::int64_t, std::int64_t, std::int64_t>(1, 2, 3));
}

TEST_CASE("T-S14: a namedtuple of before v0.3.5 is restored") {
  const Tree old = dict({{"name", Tree::string("Tuple")},
                         {"fields", dict({{"0", Tree::string("a")}, {"1", Tree::string("b")}, {"2", Tree::string("c")}})},
                         {"values", dict({{"0", num(1)}, {"1", num(2)}, {"2", num(3)}})}});
  const Tuple back = fx::from_state_dict(Tuple{}, old);
  CHECK(std::tuple(back.a, back.b, back.c) == std::tuple<std::int64_t, std::int64_t, std::int64_t>(1, 2, 3));
}

TEST_CASE("T-S15: the parameters of a layer are equal after bytes") { CHECK(fx::from_bytes(dense(0), fx::to_bytes(dense(5))) == dense(5)); }

TEST_CASE("T-S17: a hundred float64 under a limit of 728 bytes are chunks of 91 and 9, with the shape as a dict") {
  const Array<double> array = Array<double>::arange(0, 100).reshape({10, 10});
  const std::string bytes = bytes_with_limit(array, 91 * 8);
  CHECK(bytes.starts_with(guide::unhex("83 b9") + "__msgpack_chunked_array__" + guide::unhex("c3 a5") + "shape" +
                          guide::unhex("82 a1 30 0a a1 31 0a a6") + "chunks" + guide::unhex("82 a1 30")));
  CHECK(bytes.find(guide::unhex("93 91 5b a7") + "float64" + guide::unhex("c5 02 d8")) != std::string::npos);
  CHECK(bytes.find(guide::unhex("93 91 09 a7") + "float64" + guide::unhex("c4 48")) != std::string::npos);
}

TEST_CASE("T-S18: what was cut is whole again in a target") {
  struct State {
    std::string a = "array";
    Array<double> b{};
  };
  CHECK(fx::from_bytes(State{}, bytes_with_limit(State{"array", large()}, 91 * 8)).b == large());
}

TEST_CASE("T-S19: what msgpack_serialize has cut is whole again after msgpack_restore") {
  const Tree tree = dict({{"a", Tree(large())}, {"b", dict({{"c", Tree(large())}})}});
  std::string bytes;
  msgpack_format::to_string(msgpack_format::image_of_tree(tree, true, {91 * 8}), bytes);
  CHECK(fx::msgpack_restore(bytes) == tree);
}

namespace s20 {

struct SavedTuple {
  using orrery_namedtuple = void;
  double value = 0;
};
struct WrongTuple {
  using orrery_namedtuple = void;
  double wrong_field = 0;
};
using Layers = std::map<std::string, Dense>;
using State = fx::TrainState<std::map<std::string, Layers>, optax::SgdState>;

}  // namespace s20

TEST_CASE("T-S20: what does not fit is named in Flax's words, with the path to it") {
  using Nested = std::vector<std::vector<std::vector<std::optional<double>>>>;
  mismatch<StructureError>(Nested{{{1, 2, 3}, {4}}}, Nested{{{1, 2, 3}, {4, 5}}},
                           "The size of the list and the state dict do not match, got 1 and 2 at path ./0/1");
  mismatch<StructureError>(std::make_tuple(std::make_tuple(std::tuple(1.0, 2.0, 3.0), std::tuple(4.0))),
                           std::make_tuple(std::make_tuple(std::tuple(1.0, 2.0, 3.0), std::tuple(4.0, 5.0))),
                           "The size of the list and the state dict do not match, got 1 and 2 at path ./0/1");
  using Saved = std::vector<std::vector<std::vector<s20::SavedTuple>>>;
  using Wrong = std::vector<std::vector<std::vector<s20::WrongTuple>>>;
  mismatch<MismatchError>(
      Wrong{{{}, {{}}}}, Saved{{{}, {{}}}},
      "The field names of the state dict and the named tuple do not match, got {'value'} and {'wrong_field'} at path ./0/1/0");
  using Deep = std::map<std::string, std::map<std::string, std::map<std::string, std::vector<std::optional<double>>>>>;
  mismatch<StructureError>(Deep{{"a", {{"b", {{"c", {4}}, {"d", {4}}}}}}}, Deep{{"a", {{"b", {{"c", {4}}, {"d", {4, 5}}}}}}},
                           "The size of the list and the state dict do not match, got 1 and 2 at path ./a/b/d");
  mismatch<KeyError>(
      Deep{{"a", {{"b", {{"c", {4}}, {"e", {4}}}}}}}, Deep{{"a", {{"b", {{"c", {4}}, {"d", {4}}}}}}},
      "The target dict keys and state dict keys do not match, target dict contains keys {'e'} which are not present in state "
      "dict at path ./a/b");
  const std::map<std::string, s20::Layers> wrong_module{{"params", {{"Dense_1", {}}}}};
  const std::map<std::string, s20::Layers> module{{"params", {{"Dense_0", {}}}}};
  mismatch<KeyError>(
      wrong_module, module,
      "The target dict keys and state dict keys do not match, target dict contains keys {'Dense_1'} which are not present in "
      "state dict at path ./params");
  s20::State state, other;
  state.params = module;
  other.params = wrong_module;
  mismatch<KeyError>(
      other, state,
      "The target dict keys and state dict keys do not match, target dict contains keys {'Dense_1'} which are not present in "
      "state dict at path ./params/params");
}
