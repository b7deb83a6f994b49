#include "orrery/formats/safetensors/writer.hpp"

#include <doctest/doctest.h>

#include <string>

#include "orrery/core/array.hpp"
#include "orrery/core/byte_io.hpp"
#include "orrery/tree/describe.hpp"
#include "orrery/tree/tree.hpp"

using namespace orrery;
namespace st = orrery::safetensors;

namespace {

template <class T>
Tree array(Shape shape) {
  return Tree(Array<T>(std::move(shape)));
}

std::string header_of(const Tree& tree, const st::Metadata& metadata = {}) {
  const TreeView view = describe(tree);
  return st::image_of(view, metadata).head;
}
// Without its length and padding.
std::string text_of(const Tree& tree, const st::Metadata& metadata = {}) {
  const std::string head = header_of(tree, metadata);
  CHECK(load_le<std::uint64_t>(head.data()) == head.size() - 8);
  CHECK(head.size() % 8 == 0);
  std::string text = head.substr(8);
  while (text.ends_with(' ')) text.pop_back();
  return text;
}
std::string refusal(const Tree& tree) {
  try {
    header_of(tree);
  } catch (const ArgumentError& error) {
    return error.what();
  }
  return "";
}
Tree dict_of(std::string_view key, Tree value) {
  Tree dict = Tree::dict();
  dict.insert({std::string(key)}, std::move(value));
  return dict;
}

}  // namespace

TEST_CASE("names are the keys joined with dots, elements of lists and tuples have their index, nothing leaves no trace") {
  Tree tree = Tree::dict();
  tree["layers"] = Tree::list({dict_of("weight", array<std::uint8_t>({2})), Tree::none(), dict_of("weight", array<std::uint8_t>({}))});
  tree["pair"] = Tree::tuple({array<std::uint8_t>({0, 3}), Tree::dict()});
  tree["step"] = std::int64_t{7};
  CHECK(text_of(tree) == R"({"step":{"dtype":"I64","shape":[],"data_offsets":[0,8]},)"
                         R"("layers.0.weight":{"dtype":"U8","shape":[2],"data_offsets":[8,10]},)"
                         R"("layers.2.weight":{"dtype":"U8","shape":[],"data_offsets":[10,11]},)"
                         R"("pair.0":{"dtype":"U8","shape":[0,3],"data_offsets":[11,11]}})");
  CHECK(text_of(Tree::dict()) == "{}");
  CHECK(text_of(array<float>({2})) == R"({"":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})");
}

TEST_CASE("tensors stand in the library's order: its dtypes from the widest on, then by bytes of the name") {
  Tree tree = Tree::dict();
  for (const char* key : {"b", "a", "B", "é", "\xF0\x9F\x98\x80", "\xEF\xBF\xBF"}) tree[key] = Array<float>({1});
  tree["u64"] = Array<std::uint64_t>({1});
  tree["i64"] = Array<std::int64_t>({1});
  tree["f64"] = Array<double>({1});
  tree["c64"] = Array<std::complex<float>>({1});
  tree["bf16"] = Array<bfloat16>({1});
  tree["f16"] = Array<float16>({1});
  tree["i8"] = Array<std::int8_t>({1});
  tree["u8"] = Array<std::uint8_t>({1});
  tree["bool"] = Array<bool>({1});
  const std::string text = text_of(tree);
  std::size_t before = 0;
  for (const char* key :
       {"u64", "i64", "f64", "c64", "B", "a", "b", "é", "\xEF\xBF\xBF", "\xF0\x9F\x98\x80", "bf16", "f16", "i8", "u8", "bool"}) {
    const std::size_t at = text.find("\"" + std::string(key) + "\":");
    INFO(key);
    REQUIRE(at != std::string::npos);
    CHECK(at >= before);
    before = at;
  }
}

TEST_CASE("metadata comes first, texts are escaped as the library escapes them, blanks pad to a multiple of eight") {
  CHECK(text_of(Tree::dict(), {{"format", "pt"}, {"a", "line\n"}}) == R"({"__metadata__":{"a":"line\n","format":"pt"}})");
  CHECK(text_of(dict_of("a\"\\\n\t\r\b\f\x01\x7f/é\xE2\x80\xA8", array<double>({1}))) ==
        "{\"a\\\"\\\\\\n\\t\\r\\b\\f\\u0001\x7f/é\xE2\x80\xA8\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]}}");
  CHECK(header_of(Tree::dict()) == std::string("\x08\0\0\0\0\0\0\0{}      ", 16));
}

TEST_CASE("what the format cannot hold is refused by its name") {
  CHECK(refusal(dict_of("note", Tree::string("x"))).find("no text") != std::string::npos);
  CHECK(refusal(dict_of("key", Tree::prng_key("rbg", AnyArray::zeros(DType::uint32, {4})))).find("(rbg)") != std::string::npos);
  CHECK(refusal(dict_of("i", Tree(AnyArray::zeros(DType::int4, {4})))).find("no dtype int4") != std::string::npos);
  CHECK(refusal(dict_of("c", Tree(AnyArray::zeros(DType::complex128, {4})))).find("no dtype complex128") != std::string::npos);
  CHECK(refusal(dict_of("t", Tree(AnyArray::zeros(DType::datetime64_s, {4})))).find("datetime64[s]") != std::string::npos);
  CHECK(refusal(dict_of("__metadata__", array<float>({1}))).find("keeps its metadata there") != std::string::npos);
  CHECK_THROWS_AS(header_of(dict_of("\xff", array<float>({1}))), ArgumentError);

  Tree twice = dict_of("a", dict_of("b", array<float>({1})));
  twice["a.b"] = Array<double>({1});
  CHECK(refusal(twice).find("two leaves would have one name") != std::string::npos);
  CHECK(refusal(twice).find("[at a.b]") != std::string::npos);
}
