#include "cases.hpp"

#include <complex>
#include <utility>

namespace interop {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
using Int = std::int64_t;
using Limits = std::numeric_limits<std::int64_t>;

Tree integer(Int value) { return Tree::scalar(value); }
Tree zeros(DType dtype, Shape shape) { return Tree(AnyArray::zeros(dtype, std::move(shape))); }

Tree keys(const std::string& label, const std::vector<std::string>& names) {
  Tree out = Tree::dict();
  for (const std::string& name : names) out.insert({name}, leaf(label + "/" + name, DType::int16, {2}));
  return out;
}

Tree guide_tree() {
  Tree model =
      dict({{"step", integer(1)}, {"params", dense_tree("guide", 5, 3)}, {"opt_state", Tree::tuple(trees(Tree::none(), Tree::none()))}});
  return dict({{"model", std::move(model)},
               {"config", dict({{"dimensions", Tree(Array<Int>::from({5, 3}))}})},
               {"data", Tree::list(trees(leaf("guide/x1", DType::float32, {5})))}});
}

Tree adam_tree() {
  Tree moments = dict({{"count", Tree(Array<std::int32_t>::full({}, 3))}, {"mu", mlp_tree("adam/mu")}, {"nu", mlp_tree("adam/nu")}});
  return dict(
      {{"step", integer(3)}, {"params", mlp_tree("adam/params")}, {"opt_state", Tree::tuple(trees(std::move(moments), Tree::none()))}});
}

Tree ranks() {
  const std::vector<Shape> shapes{{}, {3}, {2, 3}, {2, 3, 4}, {2, 1, 3, 2}, {2, 1, 2, 3, 2}};
  Tree out = Tree::dict();
  for (DType dtype : {DType::float32, DType::int16}) {
    const std::string name(orrery::name(dtype));
    Tree list = Tree::list();
    for (const Shape& shape : shapes) list.push_back(leaf("ranks/" + name + "/" + std::to_string(shape.size()), dtype, shape));
    out.insert({name}, std::move(list));
  }
  return out;
}

Tree strings() {
  std::string text;
  for (int i = 0; i < 700; ++i) text += "0123456789 é";
  return dict({{"ascii", Tree::string("hello")},
               {"unicode", Tree::string("検査点 é \U0001f680")},
               {"empty", Tree::string("")},
               {"quotes", Tree::string("it's \"quoted\"\n\\")},
               {"long", Tree::string(std::move(text))},
               {"list", Tree::list(trees(Tree::string("x"), Tree::string(""), Tree::string("y")))},
               {"w", leaf("strings/w", DType::float32, {2})}});
}

Tree scalars() {
  Tree ints = Tree::list(), floats = Tree::list();
  for (Int value :
       {Int{0}, Int{1}, Int{-1}, Int{127}, Int{128}, Int{-129}, (Int{1} << 53) + 1, -(Int{1} << 53) - 1, Limits::max(), Limits::min()})
    ints.push_back(integer(value));
  for (double value : {0.0, -0.0, 0.1, -1e300, 5e-324, infinity, -infinity, std::numeric_limits<double>::quiet_NaN()})
    floats.push_back(Tree::scalar(value));
  return dict({{"true", Tree::scalar(true)},
               {"false", Tree::scalar(false)},
               {"ints", std::move(ints)},
               {"uint64", Tree::scalar(std::numeric_limits<std::uint64_t>::max())},
               {"floats", std::move(floats)}});
}

Tree deep() {
  Tree tree = leaf("deep", DType::float32, {2, 2});
  for (int level = 0; level < 60; ++level) tree = level % 3 == 2 ? Tree::list(trees(std::move(tree))) : dict({{"d", std::move(tree)}});
  return tree;
}

Tree sequences() {
  auto a = [](int i) { return leaf("sequences/" + std::to_string(i), DType::float32, {2}); };
  Tree twelve = Tree::list();
  for (int i = 0; i < 12; ++i) twelve.push_back(a(10 + i));
  return dict({{"list", Tree::list(trees(a(0), Tree::list(trees(a(1), a(2)))))},
               {"tuple", Tree::tuple(trees(a(3), Tree::tuple(trees(a(4), Tree::list(trees(a(5), integer(1)))))))},
               {"mixed", Tree::list(trees(dict({{"a", a(6)}}), Tree::tuple(trees(integer(1), integer(2)))))},
               {"twelve", std::move(twelve)}});
}

Tree many() {
  Tree out = Tree::dict();
  for (int i = 0; i < 1000; ++i) {
    const std::string digits = std::to_string(i);
    out.insert({"layer_" + std::string(4 - digits.size(), '0') + digits},
               dict({{"n", integer(i)}, {"w", leaf("many/" + digits, DType::int16, {3})}}));
  }
  return out;
}

Tree sharded() {
  auto a = [](const char* label, DType dtype, Shape shape) { return leaf(std::string("sharded/") + label, dtype, std::move(shape)); };
  return dict({{"line", a("line", DType::float32, {16, 3})},
               {"columns", a("columns", DType::int32, {3, 16})},
               {"square", a("square", DType::float32, {8, 6})},
               {"partial", a("partial", DType::bfloat16, {8, 6})},
               {"both", a("both", DType::float32, {16, 2})},
               {"cube", a("cube", DType::int16, {4, 2, 6})},
               {"replicated", a("replicated", DType::float32, {8, 4})},
               {"scalar", a("scalar", DType::float32, {})},
               {"host", a("host", DType::float32, {5})}});
}

void add_dtypes(std::vector<Case>& out) {
  Tree standard = Tree::dict();
  for (DType dtype :
       {DType::bool_, DType::int8, DType::int16, DType::int32, DType::int64, DType::uint8, DType::uint16, DType::uint32, DType::uint64,
        DType::float16, DType::float32, DType::float64, DType::complex64, DType::complex128, DType::bfloat16}) {
    const std::string name(orrery::name(dtype));
    standard.insert({name}, leaf("dtypes/" + name, dtype, {2, 3}));
  }
  out.push_back({"dtypes", std::move(standard)});
  auto single = [&](DType dtype, bool orbax) {
    const std::string name(orrery::name(dtype));
    out.push_back({"dtype_" + name, dict({{"a", leaf("dtype/" + name, dtype, {3, 5})}}), orbax});
  };
  for (DType dtype : {DType::int4, DType::int2, DType::float8_e4m3fn, DType::float8_e4m3fnuz, DType::float8_e4m3b11fnuz, DType::float8_e5m2,
                      DType::float8_e5m2fnuz, DType::float8_e3m4, DType::float8_e8m0fnu, DType::float4_e2m1fn})
    single(dtype, true);
  for (DType dtype : {DType::uint4, DType::uint2, DType::float8_e4m3, DType::float6_e2m3fn, DType::float6_e3m2fn, DType::datetime64_s,
                      DType::datetime64_ns, DType::timedelta64_D})
    single(dtype, false);
}

}  // namespace

std::vector<Case> cases() {
  using C = std::complex<double>;
  const auto i16 = [](std::int16_t v) { return integer(v); };
  std::vector<Case> out;
  out.push_back({"guide", guide_tree()});
  out.push_back({"adam", adam_tree()});
  out.push_back({"column_major", dict({{"matrix", leaf("column_major/matrix", DType::float64, {4, 3})},
                                       {"fixed", leaf("column_major/fixed", DType::float32, {3, 2})},
                                       {"ints", leaf("column_major/ints", DType::int32, {5, 2})},
                                       {"rows", leaf("column_major/rows", DType::float32, {2, 6})},
                                       {"cube", leaf("column_major/cube", DType::int16, {2, 3, 4})}})});
  add_dtypes(out);
  out.push_back({"ranks", ranks()});
  out.push_back({"empty_arrays", dict({{"a", zeros(DType::float32, {0})},
                                       {"b", zeros(DType::int64, {0, 3})},
                                       {"c", zeros(DType::float32, {3, 0})},
                                       {"d", zeros(DType::bool_, {2, 0, 4})}})});
  out.push_back({"empties", dict({{"none", Tree::none()},
                                  {"dict", Tree::dict()},
                                  {"list", Tree::list()},
                                  {"nested", dict({{"a", dict({{"b", Tree::dict()}})},
                                                   {"l", Tree::list(trees(Tree::none(), Tree::dict(), Tree::list(), i16(1)))}})},
                                  {"w", leaf("empties/w", DType::float32, {2})}})});
  out.push_back({"empty_tuple", dict({{"tuple", Tree::tuple()}, {"list", Tree::list(trees(Tree::tuple(), i16(1)))}})});
  out.push_back({"none", dict({{"a", Tree::none()},
                               {"b", Tree::list(trees(Tree::none(), leaf("none/b", DType::int8, {2}), Tree::none()))},
                               {"c", dict({{"d", Tree::none()}})}})});
  out.push_back({"strings", strings()});
  out.push_back({"strings_only", dict({{"a", Tree::string("one")}, {"b", dict({{"c", Tree::string("two")}})}})});
  out.push_back({"scalars", scalars()});
  out.push_back(
      {"complex",
       dict({{"z", Tree::scalar(C(1.5, -2))}, {"list", Tree::list(trees(Tree::scalar(C(0, 0)), Tree::scalar(C(infinity, -0.0))))}}),
       false});
  out.push_back({"numpy_scalars", dict({{"f32", Tree::numpy_scalar(0.1f)},
                                        {"f64", Tree::numpy_scalar(-2.5)},
                                        {"i8", Tree::numpy_scalar(std::int8_t{-3})},
                                        {"i32", Tree::numpy_scalar(std::int32_t{70000})},
                                        {"u64", Tree::numpy_scalar(std::numeric_limits<std::uint64_t>::max())}})});
  out.push_back({"numpy_scalars_of_flax",
                 dict({{"bool", Tree::numpy_scalar(true)},
                       {"bf16", Tree::numpy_scalar(orrery::bfloat16(1.5f))},
                       {"c128", Tree::numpy_scalar(C(1, -2))},
                       {"f16", Tree::numpy_scalar(orrery::float16(0.25f))}}),
                 false});
  out.push_back({"keys", keys("keys", {"with space", "ключ", "核", "it's", "say \"hi\"", "back\\slash", "0", "10", "2", "a.b", ".hidden",
                                       "tab\t", "é", "\U0001f680", "UPPER", "-", std::string(120, 'x'), "..."})});
  Tree slashes = keys("keys_slash", {"a/b", "/c"});
  slashes.insert({"d"}, keys("keys_slash/d", {"e/f/g"}));
  out.push_back({"keys_slash", std::move(slashes)});
  out.push_back({"keys_dots", keys("keys_dots", {".", "..", "a/../x"})});
  out.push_back({"keys_empty", keys("keys_empty", {"", "a"})});
  out.push_back({"keys_string_slash", dict({{"a/b", Tree::string("nested")},
                                            {"c", dict({{"d/e", Tree::string("deeper")}})},
                                            {"w", leaf("keys_string_slash/w", DType::int8, {2})}})});
  out.push_back({"many", many()});
  out.push_back({"deep", deep()});
  out.push_back({"sequences", sequences()});
  out.push_back({"bare", leaf("bare", DType::float32, {4, 2})});
  out.push_back({"big", dict({{"f32", leaf("big/f32", DType::float32, {304, 1000})},
                              {"bf16", leaf("big/bf16", DType::bfloat16, {704, 1000})},
                              {"i8", leaf("big/i8", DType::int8, {3})}})});
  out.push_back({"zeros", dict({{"f32", zeros(DType::float32, {4, 5})},
                                {"i64", zeros(DType::int64, {3})},
                                {"minus", Tree(Array<double>::full({4}, -0.0))},
                                {"n", i16(0)},
                                {"x", Tree::scalar(0.0)},
                                {"no", Tree::scalar(false)}})});
  out.push_back({"prng_keys",
                 dict({{"one", Tree::prng_key("threefry2x32", array("prng_keys/threefry", DType::uint32, {2}))},
                       {"rbg", Tree::prng_key("rbg", array("prng_keys/rbg", DType::uint32, {3, 4}))},
                       {"w", leaf("prng_keys/w", DType::float32, {2})}}),
                 true, false});
  out.push_back({"sharded", sharded(), false, false, false});
  out.push_back({"chunked",
                 dict({{"even", leaf("chunked/even", DType::float32, {12, 20})},
                       {"odd", leaf("chunked/odd", DType::int64, {7, 11, 3})},
                       {"n", i16(5)}}),
                 false, false, false});
  return out;
}

}  // namespace interop
