#include "orrery/formats/safetensors/reader.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace orrery;
namespace st = orrery::safetensors;

namespace {

// A header in front of that many bytes of data.
st::Header parsed(std::string_view text, std::uint64_t data) { return st::parse_header(text, 8 + text.size() + data, "m.safetensors"); }

std::string entry(std::string_view dtype, std::string_view shape, std::string_view offsets) {
  return R"({"dtype":")" + std::string(dtype) + R"(","shape":[)" + std::string(shape) + R"(],"data_offsets":[)" + std::string(offsets) +
         "]}";
}
std::string one(std::string_view dtype, std::string_view shape, std::string_view offsets) {
  return "{\"a\":" + entry(dtype, shape, offsets) + "}";
}
std::string two(std::string_view a, std::string_view b) {
  return "{\"a\":" + entry("F32", "1", a) + ",\"b\":" + entry("F32", "1", b) + "}";
}

// What reading that header says.
std::string refusal(std::string_view text, std::uint64_t data) {
  try {
    parsed(text, data);
  } catch (const FormatError& error) {
    CHECK(error.file() == "m.safetensors");
    CHECK(error.offset().has_value());
    return error.what();
  }
  return "";
}

std::uint64_t size_of(std::string_view first, std::uint64_t file_size) {
  return st::header_size(std::as_bytes(std::span(first.data(), first.size())), file_size, "m.safetensors");
}

}  // namespace

TEST_CASE("a header gives tensors by name, with offsets from the end of the header, and the texts of __metadata__") {
  const std::string text =
      R"( {"__metadata__":{"format":"pt","note":"é"},"w":)" + entry("BF16", "2,3", "8,20") + ",\"b\":" + entry("U64", "", "0,8") + "}\n   ";
  const st::Header header = parsed(text, 20);
  CHECK(header.data_offset == 8 + text.size());
  CHECK(header.metadata == st::Metadata{{"format", "pt"}, {"note", "é"}});
  REQUIRE(header.tensors.size() == 2);
  CHECK(header.tensors[0].name == "b");
  CHECK(header.tensors[0].shape.empty());
  CHECK(header.tensors[1].dtype == DType::bfloat16);
  CHECK(header.tensors[1].shape == Shape{2, 3});
  CHECK(header.tensors[1].begin == 8);
  CHECK(header.tensors[1].end == 20);

  const Tree tree = st::tree_of(header);
  CHECK(tree.keys() == std::vector<std::string>{"b", "w"});
  CHECK(tree["w"].dtype() == DType::bfloat16);
  CHECK_FALSE(tree["w"].has_value());
  CHECK(tree["w"].id() == 1);
}

TEST_CASE("files without tensors, null metadata, unknown fields and tensors without elements between others are read") {
  CHECK(parsed("{}", 0).tensors.empty());
  CHECK(parsed(R"({"__metadata__":null})", 0).metadata.empty());
  CHECK(parsed(R"({"a":{"x":[{"dtype":1},[2]],"dtype":"I8","y":{"z":null},"shape":[1],"data_offsets":[0,1],"z":1.5}})", 1).tensors.size() ==
        1);
  CHECK(parsed("{\"a\":" + entry("F32", "1", "0,4") + ",\"z\":" + entry("F32", "0", "4,4") + ",\"b\":" + entry("F32", "1", "4,8") + "}", 8)
            .tensors.size() == 3);
  CHECK(parsed(one("F32", "0,4611686018427387904,4611686018427387904", "0,0"), 0).tensors[0].shape[0] == 0);
}

TEST_CASE("every dtype that NumPy can hold has its code, and the others are refused") {
  for (const auto& [code, dtype] : st::detail::dtype_codes) {
    const std::string bytes = std::to_string(item_size(dtype));
    CHECK(parsed(one(code, "1", "0," + bytes), item_size(dtype)).tensors[0].dtype == dtype);
  }
  for (const char* code : {"F4", "F6_E2M3", "F6_E3M2", "C128", "f32", ""})
    CHECK(refusal(one(code, "0", "0,0"), 0).find("expected a dtype as F32 or BF16, found \"" + std::string(code)) != std::string::npos);
}

TEST_CASE("the length in front of the header is checked against the file before anything is allocated for it") {
  using namespace std::string_view_literals;
  CHECK(size_of("\x02\0\0\0\0\0\0\0"sv, 10) == 2);
  CHECK_THROWS_WITH_AS(size_of("\x02\0\0"sv, 3), doctest::Contains("begins with 8 bytes for the size of its header"), FormatError);
  CHECK_THROWS_WITH_AS(size_of("\x03\0\0\0\0\0\0\0"sv, 10), doctest::Contains("should have 3 bytes and the file has only 10"), FormatError);
  CHECK_THROWS_WITH_AS(size_of("\x01\xe1\xf5\x05\0\0\0\0"sv, 1u << 30), doctest::Contains("at most 100000000 bytes"), FormatError);
  CHECK_THROWS_WITH_AS(size_of("\xff\xff\xff\xff\xff\xff\xff\xff"sv, 1u << 30), doctest::Contains("18446744073709551615"), FormatError);
}

TEST_CASE("tensors that overlap, leave holes, reach beyond the file or do not fill it are refused") {
  CHECK(refusal(two("0,4", "4,8"), 8).empty());
  CHECK(refusal(two("4,8", "0,4"), 8).empty());
  CHECK(refusal(two("0,4", "0,4"), 4).find("overlaps the one before [at b]") != std::string::npos);
  CHECK(refusal(two("0,4", "2,6"), 6).find("overlaps the one before") != std::string::npos);
  CHECK(refusal(two("0,4", "8,12"), 12).find("leaves a hole [at b]") != std::string::npos);
  CHECK(refusal(one("F32", "1", "4,8"), 8).find("leaves a hole") != std::string::npos);
  CHECK(refusal(one("F32", "1", "4,0"), 4).find("leaves a hole") != std::string::npos);
  CHECK(refusal(two("0,4", "4,3"), 4).find("ends at offset 3") != std::string::npos);
  CHECK(refusal(one("F32", "1", "0,4"), 3).find("ends at offset 4 of 3") != std::string::npos);
  CHECK(refusal(one("F32", "1", "0,4"), 5).find("end at offset 4 of 5") != std::string::npos);
  CHECK(refusal("{}", 1).find("something behind them") != std::string::npos);
  CHECK(refusal(one("F32", "1", "0,9223372036854775807"), 4).find("ends at offset") != std::string::npos);
}

TEST_CASE("shapes that do not take their bytes are refused, and so are products that overflow, a zero behind them or not") {
  CHECK(refusal(one("F32", "2", "0,4"), 4).find("a float32 of shape (2,) does not take 4 bytes") != std::string::npos);
  CHECK_FALSE(refusal(one("F32", "4294967296,4294967296", "0,0"), 0).empty());
  CHECK_FALSE(refusal(one("F32", "4294967296,4294967296,0", "0,0"), 0).empty());
  CHECK_FALSE(refusal(one("F32", "4611686018427387904", "0,0"), 0).empty());
  CHECK_FALSE(refusal(one("U8", "2305843009213693952", "0,0"), 0).empty());  // 2^61 bytes are 2^64 bits
  CHECK(refusal(one("F32", "18446744073709551615,0", "0,0"), 0).find("more than any file can hold") != std::string::npos);
  CHECK(refusal(one("F32", "-1", "0,4"), 4).find("from 0 on, found -1") != std::string::npos);
  std::string ones = "1";
  for (int i = 1; i < 256; ++i) ones += ",1";
  CHECK(refusal(one("F32", ones, "0,4"), 4).find("more than 255 dimensions") != std::string::npos);
}

TEST_CASE("a header of another form is refused with what was expected in its place") {
  for (const auto& [text, words] : std::initializer_list<std::pair<const char*, const char*>>{
           {"[]", "expected an object of tensors, found an array"},
           {"1", "expected an object of tensors, found an integer"},
           {"", "no JSON"},
           {"{} x", "no JSON"},
           {"{\"\xff\":1}", "no JSON"},
           {R"({"a":null})", "expected an object with dtype, shape and data_offsets, found null"},
           {R"({"a":["F32",[1],[0,4]]})", "expected an object with dtype, shape and data_offsets, found an array"},
           {R"({"__metadata__":[]})", "expected an object of texts, found an array"},
           {R"({"__metadata__":{"a":1}})", "expected a text, found an integer"},
           {R"({"__metadata__":{"a":{"b":"c"}}})", "expected a text, found an object"},
           {R"({"a":{"dtype":1,"shape":[],"data_offsets":[0,0]}})", "expected a dtype as \"F32\", found an integer"},
           {R"({"a":{"dtype":"F32","shape":{},"data_offsets":[0,0]}})", "expected an array of integers, found an object"},
           {R"({"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}})", "expected an integer, found a number that is no integer"},
           {R"({"a":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}})", "expected an integer, found an array"},
           {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}})", "expected two data_offsets, found 3"},
           {R"({"a":{"dtype":"F32","data_offsets":[0,4]}})", "found not all of them"},
           {R"({"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "stands twice"},
           {R"({"__metadata__":{},"__metadata__":{}})", "stands twice"},
           {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
            "stands twice"},
       }) {
    INFO(text);
    CHECK(refusal(text, 4).find(words) != std::string::npos);
  }
}
