#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "orrery/formats/msgpack/reader.hpp"
#include "orrery/formats/msgpack/writer.hpp"
#include "orrery/tree/tree.hpp"

using namespace orrery;
namespace mp = orrery::msgpack_format;

namespace {

// "81 a1 61" as bytes.
std::string bytes(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    while (hex[i] == ' ') ++i;
    out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return out;
}

mp::Document read(const std::string& data, bool aggregate = false) {
  return mp::read_document(std::as_bytes(std::span(data.data(), data.size())), {.orbax_aggregate = aggregate, .file = "state.msgpack"});
}

// The tree with its arrays read.
Tree values(const mp::Document& document, const Tree& tree) {
  if (tree.is_dict()) {
    Tree out = Tree::dict();
    for (const auto& [key, child] : tree.items()) out.insert(key, values(document, child));
    return out;
  }
  if (tree.is_list() || tree.is_tuple()) {
    std::vector<Tree> out;
    for (const Tree& child : tree.elements()) out.push_back(values(document, child));
    return tree.is_list() ? Tree::list(std::move(out)) : Tree::tuple(std::move(out));
  }
  if (tree.has_value()) return tree;
  AnyArray array = AnyArray::uninitialized(tree.dtype(), tree.shape());
  document.read(tree, array.view());
  return tree.leaf_kind() == LeafKind::numpy_scalar ? Tree::numpy_scalar(std::move(array)) : Tree(std::move(array));
}
Tree restored(const std::string& data, bool aggregate = false) {
  const mp::Document document = read(data, aggregate);
  return values(document, document.tree);
}
Tree restored_hex(std::string_view hex) { return restored(bytes(hex)); }

std::string packed(const Tree& tree, std::size_t max_chunk = mp::default_chunk_size) {
  std::string out;
  mp::to_string(mp::image_of_tree(tree, false, {max_chunk}), out);
  return out;
}

// What reading those bytes says; it must begin so.
bool fails(const std::string& data, std::string_view text) {
  try {
    restored(data);
  } catch (const FormatError& error) {
    const std::string what = error.what();
    INFO(what);
    const bool as_expected = what.starts_with(text) && error.file() == "state.msgpack";
    CHECK(as_expected);
    return as_expected;
  }
  return false;
}
bool fails_hex(std::string_view hex, std::string_view text) { return fails(bytes(hex), text); }

std::string repeated(std::string_view unit, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += unit;
  return out;
}

// Extension 1 with that payload.
std::string array_of(const std::string& payload) { return std::string("\xc7") + static_cast<char>(payload.size()) + "\x01" + payload; }

}  // namespace

TEST_CASE("what was written is read back") {
  Tree tree = Tree::dict();
  tree["step"] = std::int64_t{1};
  tree["big"] = std::numeric_limits<std::uint64_t>::max();
  tree["small"] = std::numeric_limits<std::int64_t>::min();
  tree["pi"] = 3.25;
  tree["flag"] = true;
  tree["nothing"] = Tree::none();
  tree["text"] = std::string("h\xc3\xa9llo");
  tree["raw"] = Tree::bytes(std::string("\0\xff", 2));
  tree["z"] = Tree::scalar(std::complex<double>(1, -2));
  tree["list"] = Tree::list({Tree::scalar(1), Tree::list(), Tree::dict()});
  tree["w"] = Array<float>::arange(15).reshape({5, 3});
  tree["h"] = Array<bfloat16>::arange(4);
  tree["i4"] = Array<int4>::from({int4(-8), int4(7)});
  tree["mask"] = Array<bool>::from({true, false});
  tree["none"] = Array<double>({0, 3});
  tree["one"] = Tree::numpy_scalar(1.5f);
  tree["ext"] = Tree::ext(42, "payload");
  tree.insert(mp::integer_key(std::int64_t{7}), Tree::none());
  tree.insert(mp::bytes_key("k"), Tree::none());
  const std::string data = packed(tree);
  const Tree back = restored(data);
  CHECK(back == tree);
  CHECK(packed(back) == data);  // and so are the kinds of keys and their order
}

TEST_CASE("arrays are described, and their bytes stay where they are") {
  const std::string data = packed(Tree(Array<float>::arange(3)));
  const mp::Document document = read(data);
  CHECK_FALSE(document.tree.has_value());
  CHECK(document.tree.dtype() == DType::float32);
  CHECK(document.tree.shape() == Shape{3});
  auto pieces = document.pieces(document.tree);
  REQUIRE(pieces.size() == 1);
  CHECK(reinterpret_cast<const char*>(pieces[0].data) == data.data() + data.size() - 12);
}

TEST_CASE("elements go into arrays of other strides and dtypes, from any alignment") {
  for (std::size_t shift = 0; shift < 8; ++shift) {
    Tree tree = Tree::dict();
    tree[std::string(shift + 1, 'k')] = Array<std::int32_t>::arange(6).reshape({2, 3});
    tree["i4"] = Array<int4>::from({int4(-8), int4(7)});
    const std::string data = packed(tree);
    const mp::Document document = read(data);
    const Tree& leaf = document.tree.items()[0].value;
    Array<std::int32_t> turned({3, 2});
    document.read(leaf, {DType::int32, Shape{2, 3}, f_strides(Shape{2, 3}, 4), turned.data()});
    CHECK(turned == Array<std::int32_t>::from({{0, 3}, {1, 4}, {2, 5}}));
    Array<double> wide({2, 3});
    document.read(leaf, wide.view());
    CHECK(wide == Array<double>::from({{0, 1, 2}, {3, 4, 5}}));
    Array<std::int8_t> small({2});
    document.read(document.tree["i4"], small.view());
    CHECK(small == Array<std::int8_t>::from({-8, 7}));
  }
}

TEST_CASE("noise in unused bits is put right, and a bool is 0 or 1") {
  // int4 -8, -7 with noise above, as Flax 0.7 wrote it.
  const std::string noisy = array_of(bytes("93 91 02 a4 69 6e 74 34 c4 02 78 d9"));
  const mp::Document document = read(noisy);
  Array<int4> into({2});
  document.read(document.tree, into.view());
  CHECK(int(into(0)) == -8);
  CHECK(int(into(1)) == -7);
  const std::string twos = array_of(bytes("93 91 02 a4 62 6f 6f 6c c4 02 02 00"));
  const mp::Document bools = read(twos);
  Array<std::uint8_t> raw({2});
  bools.read(bools.tree, {DType::bool_, Shape{2}, Shape{1}, raw.data()});
  CHECK(raw == Array<std::uint8_t>::from({1, 0}));
}

TEST_CASE("longer forms than necessary, short floats and a bare extent are accepted") {
  CHECK(restored_hex("cf 00 00 00 00 00 00 00 01") == Tree::scalar(1));
  CHECK(restored_hex("d3 00 00 00 00 00 00 00 01") == Tree::scalar(1));
  CHECK(restored_hex("ca 3f c0 00 00") == Tree::scalar(1.5));
  CHECK(restored_hex("d9 01 61") == Tree::string("a"));
  CHECK(restored_hex("de 00 01 a1 61 c0").contains("a"));
  CHECK(restored_hex("c7 00 05") == Tree::ext(5, ""));
  CHECK(restored(array_of(bytes("93 02 c4 04 69 6e 74 38 a2 01 02"))) == Tree(Array<std::int8_t>::from({1, 2})));
}

TEST_CASE("a shape may leave one extent open") {
  CHECK(restored(array_of(bytes("93 92 ff 02 a4 69 6e 74 38 c4 06 01 02 03 04 05 06"))).shape() == Shape{3, 2});
  CHECK(fails(array_of(bytes("93 92 ff 04 a4 69 6e 74 38 c4 06 01 02 03 04 05 06")),
              "cannot reshape array of size 6 into shape (newaxis,4)"));
  CHECK(fails(array_of(bytes("93 92 ff ff a4 69 6e 74 38 c4 06 01 02 03 04 05 06")), "cannot reshape array of size 6 into shape"));
  CHECK(fails(array_of(bytes("93 92 00 ff a4 69 6e 74 38 c4 00")), "cannot reshape array of size 0 into shape (0,newaxis)"));
}

TEST_CASE("a key that comes twice keeps its first place and its last value") {
  Tree tree = restored_hex("83 a1 61 01 a1 62 02 a1 61 03");
  CHECK(tree.keys() == std::vector<std::string>{"a", "b"});
  CHECK(tree["a"] == Tree::scalar(3));
  CHECK(fails_hex("82 01 c0 a1 31 c0", "a dict has the keys 1 twice"));
}

TEST_CASE("keys of every scalar kind are told apart") {
  Tree tree = restored_hex("86 00 c0 ff c0 cb 3f f8 00 00 00 00 00 00 c0 c3 c0 c0 c0 c4 01 00 c0");
  auto items = tree.items();
  CHECK(items[0].key == DictKey{"0", DictKeyKind::integer});
  CHECK(items[1].key == DictKey{"-1", DictKeyKind::integer});
  CHECK(items[2].key == DictKey{"1.5", DictKeyKind::floating});
  CHECK(items[3].key == DictKey{"True", DictKeyKind::boolean});
  CHECK(items[4].key == DictKey{"None", DictKeyKind::none});
  CHECK(items[5].key == DictKey{"b'\\x00'", DictKeyKind::bytes});
  CHECK(fails_hex("81 90 c0", "unhashable type: 'list'"));
  CHECK(fails_hex("81 80 c0", "unhashable type: 'dict'"));
}

TEST_CASE("chunked arrays are whole again, below dicts and at the root") {
  Tree tree = Tree::dict();
  tree["a"]["w"] = Array<float>::arange(15).reshape({5, 3});
  CHECK(restored(packed(tree, 8)) == tree);
  const Tree root(Array<double>::arange(5));
  CHECK(restored(packed(root, 3)) == root);
  // The limit is no part of the file: what is not cut is read under any.
  CHECK(restored(packed(tree)) == tree);
  Tree marked = Tree::dict();
  marked[mp::chunk_marker] = true;
  const Tree in_list = Tree::list({marked});
  CHECK(restored(packed(in_list)) == in_list);  // in lists they are left alone
}

TEST_CASE("a chunked array that does not add up is refused") {
  auto chunked = [](std::string_view rest) {
    return bytes("83 b9 5f 5f 6d 73 67 70 61 63 6b 5f 63 68 75 6e 6b 65 64 5f 61 72 72 61 79 5f 5f c2") + bytes(rest);
  };
  const std::string shape2 = " a5 73 68 61 70 65 81 a1 30 02", chunks = " a6 63 68 75 6e 6b 73 ",
                    one = "c7 0b 01 93 91 01 a4 69 6e 74 38 c4 01 07 ";
  const std::string f4 = "c7 11 01 93 91 01 a7 66 6c 6f 61 74 33 32 c4 04 00 00 00 00 ";
  CHECK(restored(chunked(shape2 + chunks + "82 a1 30 " + one + "a1 31 " + one)) == Tree(Array<std::int8_t>::from({7, 7})));
  CHECK(fails(chunked(shape2 + chunks + "80"), "need at least one array to concatenate"));
  CHECK(fails(chunked(shape2 + chunks + "81 a1 30 " + one), "cannot reshape array of size 1 into shape (2,)"));
  CHECK(fails(chunked(shape2 + chunks + "81 a1 31 " + one), "KeyError: '0'"));
  CHECK(fails(chunked(shape2 + " a1 78 c0"), "KeyError: 'chunks'"));
  CHECK(fails(chunked(" a5 73 68 61 70 65 c0" + chunks + "80"), "expected dicts"));
  CHECK(fails(chunked(shape2 + chunks + "82 a1 30 " + one + "a1 31 " + f4), "the chunks of an array are of the dtypes int8 and float32"));
  CHECK(fails(chunked(shape2 + chunks + "82 a1 30 01 a1 31 " + one), "expected an array of rank 1 for chunk 0"));
}

TEST_CASE("truncated, trailing and foreign bytes are refused in Python's words, with file and offset") {
  CHECK(fails("", "Unpack failed: incomplete input"));
  const std::string data = packed(Tree(Array<float>::arange(3)));
  for (std::size_t size = 0; size < data.size(); ++size) CHECK(fails(data.substr(0, size), "Unpack failed: incomplete input"));
  CHECK(fails(data + "x", "unpack(b) received extra data."));
  CHECK(fails_hex("91 c1", "FormatError"));
  CHECK(fails_hex("a1 ff", "'utf-8' codec can't decode byte"));
  CHECK(fails_hex("a3 ed a0 80", "'utf-8' codec can't decode byte"));
  try {
    restored(data + "x");
    FAIL("trailing bytes were accepted");
  } catch (const FormatError& error) {
    CHECK(error.offset() == data.size());
  }
}

TEST_CASE("payloads that are no arrays are refused in Python's words") {
  CHECK(fails(array_of(bytes("92 91 01 a4 69 6e 74 38")), "not enough values to unpack (expected 3, got 2)"));
  CHECK(fails(array_of(bytes("94 90 a4 69 6e 74 38 c4 01 00 c0")), "too many values to unpack (expected 3)"));
  CHECK(fails(array_of(bytes("93 91 02 a4 69 6e 74 38 c4 01 00")), "cannot reshape array of size 1 into shape (2,)"));
  CHECK(fails(array_of(bytes("93 91 01 a5 69 6e 74 33 32 c4 03 00 00 00")), "buffer size must be a multiple of element size"));
  CHECK(fails(array_of(bytes("93 91 01 a4 71 75 78 39 c4 01 00")), "data type 'qux9' not understood"));
  CHECK(fails(array_of(bytes("93 91 01 a4 6e 6f 6e 65 c4 01 00")), "data type 'none' not understood"));
  CHECK(fails(array_of(bytes("93 91 01 a4 69 6e 74 38 c4 01 00 c0")), "unpack(b) received extra data."));
  CHECK(fails(array_of(bytes("93 91 01 a4 69 6e 74 38 c4 02 00")), "Unpack failed: incomplete input"));
  CHECK(fails(array_of(bytes("c0")), "expected an array's [shape, dtype, data]"));
  CHECK(fails(array_of(bytes("93 c0 a4 69 6e 74 38 c4 01 00")), "expected an array's [shape, dtype, data]"));
  CHECK(fails(array_of(bytes("93 92 cf 7f ff ff ff ff ff ff ff 02 a4 69 6e 74 38 c4 01 00")), "cannot reshape array of size 1"));
  CHECK(fails(array_of("\x93\xdc" + bytes("00 41") + std::string(65, '\x01') + bytes("a4 69 6e 74 38 c4 01 00")),
              "maximum supported dimension for an ndarray is 64"));
}

TEST_CASE("complex numbers take integers and ignore what follows") {
  CHECK(restored_hex("d6 02 92 01 d0 fe") == Tree::scalar(std::complex<double>(1, -2)));
  CHECK(restored_hex("d7 02 94 01 02 91 91 91 c0 c0") == Tree::scalar(std::complex<double>(1, 2)));
  CHECK(fails_hex("d5 02 91 01", "list index out of range"));
  CHECK(fails_hex("d6 02 92 01 91 c0", "expected a complex number's [real, imag]"));
}

TEST_CASE("time stamps and unknown extensions are kept, reserved ones refused") {
  CHECK(restored_hex("d6 ff 00 00 00 01") == Tree::ext(-1, std::string("\0\0\0\1", 4)));
  CHECK(fails_hex("d5 ff 00 00", "a msgpack time stamp has 4, 8 or 12 bytes"));
  CHECK(fails_hex("d4 fe 00", "code must be 0~127"));
  CHECK(restored_hex("d4 04 c0").ext_code() == 4);
}

TEST_CASE("a scalar of higher rank comes back as an array") {
  std::string data = array_of(bytes("93 91 01 a4 69 6e 74 38 c4 01 05"));
  data[2] = 3;
  CHECK(restored(data) == Tree(Array<std::int8_t>::from({5})));
}

TEST_CASE("nesting is bounded, and counts are not believed") {
  CHECK(restored(repeated("\x91", 1024) + "\xc0").is_list());
  CHECK(fails(repeated("\x91", 1025) + "\xc0", "StackError"));
  CHECK(fails(repeated("\x91", 10000) + "\xc0", "StackError"));
  CHECK(fails(repeated("\x81\xa1k", 100000) + "\xc0", "StackError"));
  CHECK(fails(array_of(repeated("\x91", 200)), "not enough values to unpack"));
  CHECK(fails_hex("dd ff ff ff ff", "Unpack failed: incomplete input"));
  CHECK(fails_hex("df ff ff ff ff", "Unpack failed: incomplete input"));
  CHECK(fails_hex("c6 ff ff ff ff 00", "Unpack failed: incomplete input"));
  CHECK(fails_hex("c9 ff ff ff ff 01", "Unpack failed: incomplete input"));
  CHECK(fails(std::string("\xc8\x30\x02\x02\x94\x01\x02", 7) + repeated("\x91", 12287), "the payload of an extension nests deeper"));
}

TEST_CASE("Orbax's aggregate file has tuples, and strings as keys alone") {
  // (1, (2,)) as extensions 4 within 4.
  const std::string inner = bytes("d5 04 91 02"), outer = std::string("\xc7\x06\x04\x92\x01") + inner;
  CHECK(restored(outer, true) == Tree::tuple({Tree::scalar(1), Tree::tuple({Tree::scalar(2)})}));
  CHECK(restored(outer).ext_code() == 4);
  CHECK(restored(packed(Tree::string("PLACEHOLDER://a.b")), true) == Tree::string("PLACEHOLDER://a.b"));
  CHECK_THROWS_WITH_AS(restored(bytes("81 01 c0"), true), doctest::Contains("int is not allowed for map key when strict_map_key=True"),
                       FormatError);
  CHECK_THROWS_AS(restored(bytes("d4 05 00"), true), FormatError);
  CHECK_THROWS_AS(restored(bytes("d4 04 c0"), true), FormatError);
  std::string nested = "\xc0";
  for (int i = 0; i < 200; ++i) {
    const std::string list = "\x91" + nested;
    const auto size = static_cast<std::uint32_t>(list.size());
    nested = std::string("\xc9") + static_cast<char>(size >> 24) + static_cast<char>(size >> 16) + static_cast<char>(size >> 8) +
             static_cast<char>(size) + "\x04" + list;
  }
  CHECK_THROWS_WITH_AS(restored(nested, true), doctest::Contains("tuples nest deeper"), FormatError);
}

TEST_CASE("whatever the bytes, there is a tree or an error of ours") {
  Tree tree = Tree::dict();
  tree["params"]["w"] = Array<float>::arange(6).reshape({2, 3});
  tree["params"]["m"] = Array<bool>::from({true, false});
  tree["z"] = Tree::list({Tree::scalar(std::complex<double>(1, 2)), Tree::string("text"), Tree::numpy_scalar(std::int16_t{3})});
  tree.insert(mp::integer_key(std::int64_t{3}), Tree::bytes("raw"));
  for (const std::string& data : {packed(tree), packed(tree, 8)}) {
    for (std::size_t at = 0; at < data.size(); ++at) {
      for (unsigned flip : {0x01u, 0x10u, 0x80u, 0xffu}) {
        std::string damaged = data;
        damaged[at] = static_cast<char>(static_cast<unsigned char>(damaged[at]) ^ flip);
        for (bool aggregate : {false, true}) {
          try {
            restored(damaged, aggregate);
          } catch (const Error&) {
          }
        }
      }
    }
  }
}
