#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>

#include "orrery/formats/msgpack/writer.hpp"
#include "orrery/tree/describe.hpp"
#include "orrery/tree/tree.hpp"

using namespace orrery;
namespace mp = orrery::msgpack_format;

namespace {

std::string hex(const std::string& bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (!text.empty()) text += ' ';
    text += {digits[byte >> 4], digits[byte & 15]};
  }
  return text;
}

// A tree as it is.
std::string packed(const Tree& tree, bool sort = false, std::size_t max_chunk = mp::default_chunk_size) {
  std::string out;
  mp::to_string(mp::image_of_tree(tree, sort, {max_chunk}), out);
  return out;
}
// ... through its state dict.
std::string state_packed(const Tree& tree, std::size_t max_chunk = mp::default_chunk_size) {
  const TreeView view = describe(tree);
  std::string out;
  mp::to_string(mp::image_of_state_dict(view, {max_chunk}), out);
  return out;
}
std::string int_bytes(std::int64_t value) { return hex(packed(Tree::scalar(value))); }
std::string float_bytes(double value) { return hex(packed(Tree::scalar(value))); }

Tree dict(std::initializer_list<std::pair<const char*, Tree>> items) {
  Tree tree = Tree::dict();
  for (const auto& [key, value] : items) tree.insert({key}, value);
  return tree;
}

}  // namespace

TEST_CASE("integers take the shortest form, and positive ones never a signed one") {
  CHECK(int_bytes(0) == "00");
  CHECK(int_bytes(127) == "7f");
  CHECK(int_bytes(128) == "cc 80");
  CHECK(int_bytes(255) == "cc ff");
  CHECK(int_bytes(256) == "cd 01 00");
  CHECK(int_bytes(65535) == "cd ff ff");
  CHECK(int_bytes(65536) == "ce 00 01 00 00");
  CHECK(int_bytes(4294967295) == "ce ff ff ff ff");
  CHECK(int_bytes(4294967296) == "cf 00 00 00 01 00 00 00 00");
  CHECK(hex(packed(Tree::scalar(std::uint64_t{1} << 63))) == "cf 80 00 00 00 00 00 00 00");
  CHECK(hex(packed(Tree::scalar(std::numeric_limits<std::uint64_t>::max()))) == "cf ff ff ff ff ff ff ff ff");
  CHECK(int_bytes(-1) == "ff");
  CHECK(int_bytes(-32) == "e0");
  CHECK(int_bytes(-33) == "d0 df");
  CHECK(int_bytes(-128) == "d0 80");
  CHECK(int_bytes(-129) == "d1 ff 7f");
  CHECK(int_bytes(-32768) == "d1 80 00");
  CHECK(int_bytes(-32769) == "d2 ff ff 7f ff");
  CHECK(int_bytes(-2147483648) == "d2 80 00 00 00");
  CHECK(int_bytes(-2147483649) == "d3 ff ff ff ff 7f ff ff ff");
  CHECK(int_bytes(std::numeric_limits<std::int64_t>::min()) == "d3 80 00 00 00 00 00 00 00");
}

TEST_CASE("floats always have 64 bits, whole numbers too") {
  CHECK(float_bytes(0.0) == "cb 00 00 00 00 00 00 00 00");
  CHECK(float_bytes(-0.0) == "cb 80 00 00 00 00 00 00 00");
  CHECK(float_bytes(1.0) == "cb 3f f0 00 00 00 00 00 00");
  CHECK(float_bytes(0.1) == "cb 3f b9 99 99 99 99 99 9a");
  CHECK(float_bytes(std::numeric_limits<double>::infinity()) == "cb 7f f0 00 00 00 00 00 00");
  CHECK(float_bytes(std::numeric_limits<double>::quiet_NaN()) == "cb 7f f8 00 00 00 00 00 00");
}

TEST_CASE("none, bools, strings, bytes, complex numbers and empty dicts are written as Flax writes them") {
  CHECK(hex(packed(Tree::none())) == "c0");
  CHECK(hex(packed(Tree::scalar(false))) == "c2");
  CHECK(hex(packed(Tree::scalar(true))) == "c3");
  CHECK(hex(packed(Tree::dict())) == "80");
  CHECK(hex(state_packed(Tree::list())) == "80");
  CHECK(hex(state_packed(Tree::tuple())) == "80");
  CHECK(hex(packed(Tree::string("h\xc3\xa9llo"))) == "a6 68 c3 a9 6c 6c 6f");
  CHECK(hex(packed(Tree::bytes(std::string("\0\xff", 2)))) == "c4 02 00 ff");
  CHECK(hex(packed(Tree::scalar(std::complex<double>(1, 2)))) == "c7 13 02 92 cb 3f f0 00 00 00 00 00 00 cb 40 00 00 00 00 00 00 00");
  CHECK(hex(packed(Tree::ext(7, "abcd"))) == "d6 07 61 62 63 64");
  CHECK(hex(packed(Tree::ext(7, ""))) == "c7 00 07");
}

TEST_CASE("arrays are extension 1, NumPy scalars extension 3") {
  CHECK(hex(packed(Tree(Array<std::int32_t>::from({1, 2, 3})))) ==
        "c7 17 01 93 91 03 a5 69 6e 74 33 32 c4 0c 01 00 00 00 02 00 00 00 03 00 00 00");
  CHECK(hex(packed(dict({{"a", Tree(Array<std::int32_t>::from({1, 2, 3}))}}))) ==
        "81 a1 61 c7 17 01 93 91 03 a5 69 6e 74 33 32 c4 0c 01 00 00 00 02 00 00 00 03 00 00 00");
  CHECK(hex(packed(Tree::numpy_scalar(1.0f))) == "d8 03 93 90 a7 66 6c 6f 61 74 33 32 c4 04 00 00 80 3f");
  CHECK(hex(packed(Tree::numpy_scalar(1.0))) == "c7 14 03 93 90 a7 66 6c 6f 61 74 36 34 c4 08 00 00 00 00 00 00 f0 3f");
  CHECK(hex(packed(Tree::numpy_scalar(true))) == "c7 0a 03 93 90 a4 62 6f 6f 6c c4 01 01");
  CHECK(hex(packed(Tree::numpy_scalar(std::int64_t{5}))) == "c7 12 03 93 90 a5 69 6e 74 36 34 c4 08 05 00 00 00 00 00 00 00");
  CHECK(hex(packed(Tree(Array<std::int32_t>::full({}, 1)))) == "c7 0e 01 93 90 a5 69 6e 74 33 32 c4 04 01 00 00 00");
  CHECK(hex(packed(Tree(Array<float>::full({}, 1)))) == "d8 01 93 90 a7 66 6c 6f 61 74 33 32 c4 04 00 00 80 3f");
  CHECK(hex(packed(Tree(Array<float>({0, 3})))) == "c7 0e 01 93 92 00 03 a7 66 6c 6f 61 74 33 32 c4 00");
  CHECK(hex(packed(Tree(Array<float>({0})))) == "c7 0d 01 93 91 00 a7 66 6c 6f 61 74 33 32 c4 00");
  CHECK(hex(packed(Tree(Array<float>::from({{1, 2}, {3, 4}})))) ==
        "c7 1e 01 93 92 02 02 a7 66 6c 6f 61 74 33 32 c4 10 00 00 80 3f 00 00 00 40 00 00 40 40 00 00 80 40");
  CHECK(hex(packed(Tree(Array<bfloat16>::from({bfloat16(1), bfloat16(-2)})))) ==
        "c7 12 01 93 91 02 a8 62 66 6c 6f 61 74 31 36 c4 04 80 3f 00 c0");
  CHECK(hex(packed(Tree(Array<float16>::from({float16(1.5f)})))) == "c7 0f 01 93 91 01 a7 66 6c 6f 61 74 31 36 c4 02 00 3e");
  CHECK(hex(packed(Tree(Array<bool>::from({true, false})))) == "c7 0c 01 93 91 02 a4 62 6f 6f 6c c4 02 01 00");
  CHECK(hex(packed(Tree(Array<std::complex<float>>::from({{1, 2}})))) ==
        "c7 17 01 93 91 01 a9 63 6f 6d 70 6c 65 78 36 34 c4 08 00 00 80 3f 00 00 00 40");
  CHECK(hex(packed(Tree(Array<float8_e4m3fn>::from({float8_e4m3fn::from_bits(0x38), float8_e4m3fn::from_bits(0xc0)})))) ==
        "c7 15 01 93 91 02 ad 66 6c 6f 61 74 38 5f 65 34 6d 33 66 6e c4 02 38 c0");
}

TEST_CASE("sub-byte elements are written with clear upper bits") {
  CHECK(hex(packed(Tree(Array<int4>::from({int4(7), int4(-8)})))) == "c7 0c 01 93 91 02 a4 69 6e 74 34 c4 02 07 08");
  std::string large = packed(Tree(Array<int4>::full({1000}, int4(-1))));
  CHECK(large.substr(large.size() - 1000) == std::string(1000, '\x0f'));
}

TEST_CASE("larger payloads have longer headers") {
  std::string medium = packed(Tree(Array<std::uint8_t>({300})));
  CHECK(medium.size() == 318);
  CHECK(hex(medium.substr(0, 20)) == "c8 01 3a 01 93 91 cd 01 2c a5 75 69 6e 74 38 c5 01 2c 00 00");
  std::string large = packed(Tree(Array<std::uint8_t>({70000})));
  CHECK(large.size() == 70024);
  CHECK(hex(large.substr(0, 26)) == "c9 00 01 11 82 01 93 91 ce 00 01 11 70 a5 75 69 6e 74 38 c6 00 01 11 70 00 00");
}

TEST_CASE("arrays that are not C-ordered are written in C order") {
  const Array<float> dense = Array<float>::arange(3 * 100000).reshape({3, 100000});
  const Array<float> turned = [&] {  // the same elements, first index fastest
    Array<float> t({100000, 3});
    for (Dim i = 0; i < 3; ++i)
      for (Dim j = 0; j < 100000; ++j) t(j, i) = dense(i, j);
    return t;
  }();
  ArrayView column_major{DType::float32, Shape{3, 100000}, f_strides(Shape{3, 100000}, 4), turned.data()};
  TreeView view;
  view.leaf({}, {LeafKind::array, 0, column_major, {}});
  std::string out;
  mp::to_string(mp::image_of_state_dict(view), out);
  CHECK(out == packed(Tree(dense)));
  mp::to_string(mp::image_of_state_dict(view, {400001}), out);  // chunks end within rows
  CHECK(out == packed(Tree(dense), false, 400001));
}

TEST_CASE("keys of other kinds than strings are written as what they were") {
  Tree inner = dict({{"kernel", Tree::scalar(1)}});
  Tree tree = Tree::dict();
  tree.insert(mp::integer_key(std::int64_t{0}), inner);
  CHECK(hex(packed(tree)) == "81 00 81 a6 6b 65 72 6e 65 6c 01");
  CHECK(hex(state_packed(tree)) == "81 a1 30 81 a6 6b 65 72 6e 65 6c 01");
  Tree odd = Tree::dict();
  odd.insert(mp::integer_key(std::int64_t{-7}), Tree::none());
  odd.insert(mp::float_key(1.5), Tree::none());
  odd.insert(mp::bool_key(true), Tree::none());
  odd.insert(mp::none_key(), Tree::none());
  odd.insert(mp::bytes_key(std::string("\0'a\n\\", 5)), Tree::none());
  CHECK(hex(packed(odd)) == "85 f9 c0 cb 3f f8 00 00 00 00 00 00 c0 c3 c0 c0 c0 c4 05 00 27 61 0a 5c c0");
}

TEST_CASE("state dicts keep the order of insertion, msgpack_serialize sorts") {
  Tree tree = dict({{"b", Tree::scalar(1)}, {"a", dict({{"z", Tree::scalar(1)}, {"y", Tree::scalar(2)}})}});
  CHECK(hex(state_packed(tree)) == "82 a1 62 01 a1 61 82 a1 7a 01 a1 79 02");
  CHECK(hex(packed(tree, true)) == "82 a1 61 82 a1 79 02 a1 7a 01 a1 62 01");
  Tree list = Tree::list();
  for (int i = 0; i <= 10; ++i) list.push_back(Tree::scalar(i));
  CHECK(hex(state_packed(list)) ==
        "8b a1 30 00 a1 31 01 a1 32 02 a1 33 03 a1 34 04 a1 35 05 a1 36 06 a1 37 07 a1 38 08 a1 39 09 a2 31 30 0a");
  Tree as_dict = Tree::dict();
  for (int i = 0; i <= 10; ++i) as_dict.insert({std::to_string(i)}, Tree::scalar(i));
  CHECK(hex(packed(as_dict, true)) ==
        "8b a1 30 00 a1 31 01 a2 31 30 0a a1 32 02 a1 33 03 a1 34 04 a1 35 05 a1 36 06 a1 37 07 a1 38 08 a1 39 09");
}

TEST_CASE("integer keys sort as numbers, and keys of different kinds not at all") {
  Tree numbers = Tree::dict();
  for (std::int64_t key : {10, 2, -1}) numbers.insert(mp::integer_key(key), Tree::none());
  CHECK(hex(packed(numbers, true)) == "83 ff c0 02 c0 0a c0");
  Tree mixed = dict({{"a", Tree::none()}});
  mixed.insert(mp::integer_key(std::int64_t{1}), Tree::none());
  CHECK_THROWS_WITH_AS(packed(mixed, true), doctest::Contains("Comparator raised exception while sorting pytree dictionary keys."),
                       ArgumentError);
}

TEST_CASE("arrays above the limit are cut, below dicts and at the root") {
  const Tree w(Array<float>::from({1, 2, 3}));
  CHECK(hex(packed(dict({{"w", w}}), false, 8)) ==
        "81 a1 77 83 b9 5f 5f 6d 73 67 70 61 63 6b 5f 63 68 75 6e 6b 65 64 5f 61 72 72 61 79 5f 5f c3 a5 73 68 61 70 65 81 a1 30 03 a6 63 "
        "68 75 6e 6b 73 "
        "82 a1 30 c7 15 01 93 91 02 a7 66 6c 6f 61 74 33 32 c4 08 00 00 80 3f 00 00 00 40 a1 31 c7 11 01 93 91 01 a7 66 6c 6f 61 74 33 32 "
        "c4 04 00 00 40 40");
  CHECK(packed(Tree(Array<float>::from({{1, 2, 3}, {4, 5, 6}})), false, 8).size() == 127);
  CHECK(packed(Tree(Array<float>::from({1, 2})), false, 8) == packed(Tree(Array<float>::from({1, 2}))));
  CHECK(packed(Tree::list({w}), false, 8) == packed(Tree::list({w})));
  CHECK(state_packed(Tree::list({w}), 8) == state_packed(dict({{"0", w}}), 8));
  // An element larger than the limit is a chunk of its own.
  CHECK(packed(w, false, 3).find("chunks\x83") != std::string::npos);
}

TEST_CASE("what msgpack or Flax cannot hold is refused, with the key path") {
  CHECK_THROWS_WITH_AS(packed(Tree::tuple()), doctest::Contains("can not serialize 'tuple' object"), ArgumentError);
  Tree key = dict({{"rng", Tree::prng_key("threefry2x32", AnyArray::zeros(DType::uint32, {2}))}});
  CHECK_THROWS_WITH_AS(
      packed(key),
      doctest::Contains("JAX array with PRNGKey dtype cannot be converted to a NumPy array. Use jax.random.key_data(arr) if you wish to "
                        "extract the underlying integer array."),
      ArgumentError);
  CHECK_THROWS_WITH_AS(packed(key), doctest::Contains("[at rng]"), ArgumentError);
  CHECK_THROWS_WITH_AS(packed(dict({{"a", Tree::string("\xff")}})), doctest::Contains("UTF-8"), ArgumentError);
  CHECK_THROWS_AS(packed(dict({{"\xed\xa0\x80", Tree::none()}})), ArgumentError);
  Tree deep = Tree::none();
  for (int i = 0; i < 1100; ++i) deep = Tree::list({std::move(deep)});
  CHECK_THROWS_WITH_AS(packed(deep), doctest::Contains("recursion limit exceeded."), ArgumentError);
}

TEST_CASE("a buffer is used again and large payloads are not copied into the image") {
  const Tree tree = dict({{"a", Tree(Array<float>::arange(100000))}, {"b", Tree(Array<float>::arange(10))}});
  const void* payload = tree["a"].array().data();
  bool referenced = false;
  mp::image_of_tree(tree, false).for_each_run([&](std::span<const std::byte> bytes, bool stays) {
    referenced = referenced || (stays && bytes.data() == payload);
  });
  CHECK(referenced);
  std::string buffer;
  mp::to_string(mp::image_of_tree(tree, false), buffer);
  const std::string first = buffer;
  const char* memory = buffer.data();
  mp::to_string(mp::image_of_tree(tree, false), buffer);
  CHECK(buffer == first);
  CHECK(buffer.data() == memory);
}
