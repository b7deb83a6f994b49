#include "orrery/formats/zarr/metadata.hpp"

#include <doctest/doctest.h>

#include <complex>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace orrery;

namespace {

constexpr std::string_view kernel =
    R"({"chunks":[5,3],"compressor":{"id":"zstd","level":1},"dimension_separator":".","dtype":"<f4","fill_value":null,"filters":null,)"
    R"("order":"C","shape":[5,3],"zarr_format":2})";

const Where file{.file = "params.kernel/.zarray"};

zarr::ArrayMetadata parsed(std::string_view text) { return zarr::parse_metadata(text, file); }

// `kernel` with one text replaced by another.
std::string with(std::string_view from, std::string_view to) {
  std::string text(kernel);
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

std::string message(const std::string& text) {
  try {
    parsed(text);
  } catch (const FormatError& error) {
    CHECK(error.file() == file.file);
    return error.what();
  }
  FAIL("this was parsed: " << text);
  return {};
}

// The fill value of that JSON for that dtype, as T.
template <class T>
T fill(std::string_view dtype, std::string_view json) {
  std::string text = with("\"<f4\"", "\"" + std::string(dtype) + "\"");
  text.replace(text.find("\"fill_value\":null"), 17, "\"fill_value\":" + std::string(json));
  const auto metadata = parsed(text);
  T value;
  std::memcpy(&value, metadata.fill.value().data(), sizeof value);
  return value;
}

}  // namespace

TEST_CASE("what Orbax stores is read") {
  const auto metadata = parsed(kernel);
  CHECK(metadata.shape == Shape{5, 3});
  CHECK(metadata.chunks == Shape{5, 3});
  CHECK(metadata.dtype == DType::float32);
  CHECK(metadata.keys == zarr::KeyEncoding{});
  CHECK_FALSE(metadata.codecs.big_endian);
  CHECK(metadata.codecs.transpose.empty());
  CHECK(metadata.codecs.bytes == std::vector<zarr::ByteCodec>{{zarr::Codec::zstd, 1}});
  CHECK_FALSE(metadata.codecs.is_sharded());
  CHECK_FALSE(metadata.fill);
  CHECK(metadata.chunk_bytes() == 60);
}

TEST_CASE("metadata is written byte for byte as TensorStore writes it") {
  CHECK(zarr::to_json(parsed(kernel)) == kernel);
  zarr::ArrayMetadata metadata;
  metadata.dtype = DType::bfloat16;
  CHECK(zarr::to_json(metadata) == R"({"chunks":[],"compressor":null,"dimension_separator":".","dtype":"bfloat16","fill_value":null,)"
                                   R"("filters":null,"order":"C","shape":[],"zarr_format":2})");
  const std::string other = with("\"<f4\"", "\">c16\"");
  CHECK(zarr::to_json(parsed(other)) == other);
  for (auto [from, to] : {std::pair("\"C\"", "\"F\""), std::pair("\".\"", "\"/\""), std::pair("{\"id\":\"zstd\",\"level\":1}", "null")})
    CHECK(zarr::to_json(parsed(with(from, to))) == with(from, to));
}

TEST_CASE("what Orbax never has written is refused") {
  zarr::ArrayMetadata metadata;
  metadata.dtype = DType::float32;
  CHECK_NOTHROW(zarr::to_json(metadata));
  metadata.codecs.bytes = {{zarr::Codec::crc32c}};
  CHECK_THROWS_AS(zarr::to_json(metadata), ArgumentError);
  metadata.codecs = zarr::one_chunk_shards({}, {});
  CHECK_THROWS_AS(zarr::to_json(metadata), ArgumentError);
  metadata.codecs = {};
  metadata.keys = zarr::KeyEncoding::v3();
  CHECK_THROWS_AS(zarr::to_json(metadata), ArgumentError);
  metadata = {};
  metadata.shape = metadata.chunks = {1, 2, 3};
  metadata.codecs.transpose = {1, 0, 2};
  CHECK_THROWS_AS(zarr::to_json(metadata), ArgumentError);
  metadata = {};
  CHECK_THROWS_AS(zarr::to_json(metadata), ArgumentError);
  for (DType dtype : {DType::uint2, DType::uint4, DType::float6_e2m3fn, DType::float6_e3m2fn, DType::float8_e4m3, DType::datetime64_ns}) {
    CHECK_FALSE(zarr::zarr2_dtype(dtype));
    metadata.dtype = dtype;
    CHECK_THROWS_AS(zarr::to_json(metadata), ArgumentError);
  }
  CHECK_THROWS_AS(zarr::to_json(parsed(with("\"fill_value\":null", "\"fill_value\":0"))), ArgumentError);
  CHECK_THROWS_AS(zarr::to_json(parsed(with("\"zstd\",\"level\":1", "\"gzip\""))), ArgumentError);
}

TEST_CASE("every dtype that TensorStore has is found again by its text") {
  int count = 0;
  for (int i = 1; i <= static_cast<int>(DType::timedelta64_as); ++i) {
    const auto dtype = static_cast<DType>(i);
    const auto text = zarr::zarr2_dtype(dtype);
    if (!text) continue;
    ++count;
    const auto back = zarr::dtype_from_zarr2(*text);
    REQUIRE(back);
    CHECK(back->dtype == dtype);
    CHECK_FALSE(back->big_endian);
  }
  CHECK(count == 25);
}

TEST_CASE("byte order is a matter of types of several bytes") {
  CHECK(zarr::dtype_from_zarr2(">i8")->big_endian);
  CHECK(zarr::dtype_from_zarr2(">c8")->dtype == DType::complex64);
  for (std::string_view text : {"|i1", "<i1", ">i1"}) {
    CHECK(zarr::dtype_from_zarr2(text)->dtype == DType::int8);
    CHECK_FALSE(zarr::dtype_from_zarr2(text)->big_endian);
  }
  CHECK(zarr::dtype_from_zarr2("<b1")->dtype == DType::bool_);
  for (std::string_view text : {"", "|", "<", "|f4", "=f4", "f4", "<f3", "<f16", "<b2", "<M8[s]", "|S4", "|V2", "<U3", "|O", "float32",
                                "bool", "uint4", "uint2", "float8_e4m3", "float6_e2m3fn", "none", "<float16", "|int4", "<nt4"})
    CHECK_FALSE(zarr::dtype_from_zarr2(text));
}

TEST_CASE("members that are missing, wrong or unsupported are refused by name") {
  for (std::string_view member : {"chunks", "compressor", "dtype", "fill_value", "filters", "order", "shape", "zarr_format"})
    CHECK(message(with("\"" + std::string(member) + "\":", "\"x\":")).find("\"" + std::string(member) + "\"") != std::string::npos);
  CHECK(message(with("\"zarr_format\":2", "\"zarr_format\":3")).find("\"zarr_format\"") != std::string::npos);
  CHECK(message(with("\"zstd\"", "\"lzma\"")).find("unsupported compressor 'lzma'") != std::string::npos);
  CHECK(message(with("\"<f4\"", "\"<M8[s]\"")).find("unsupported dtype '<M8[s]'") != std::string::npos);
  CHECK(message(with("\"<f4\"", "[[\"a\",\"<f4\"]]")).find("structured") != std::string::npos);
  CHECK(message(with("\"filters\":null", "\"filters\":[{\"id\":\"delta\"}]")).find("filters") != std::string::npos);
  CHECK(message(with("\"C\"", "\"A\"")).find("\"order\"") != std::string::npos);
  CHECK(message(with("\".\"", "\"-\"")).find("\"dimension_separator\"") != std::string::npos);
  CHECK(message(with("\".\"", "\"\"")).find("\"dimension_separator\"") != std::string::npos);
  CHECK(message(with("\"level\":1", "\"level\":\"x\"")).find("compressor.level") != std::string::npos);
  CHECK(message(with("{\"id\":\"zstd\",\"level\":1}", "\"zstd\"")).find("\"compressor\"") != std::string::npos);
  CHECK(message(with("{\"id\":\"zstd\",\"level\":1}", "{}")).find("\"id\"") != std::string::npos);
  for (std::string_view text : {"", "[]", "null", "{", "7"}) message(std::string(text));
}

TEST_CASE("members that cannot change decoding are passed over") {
  CHECK(parsed(with("\"level\":1", "\"level\":3,\"checksum\":true,\"new\":[]")).codecs.bytes.at(0).level == 3);
  CHECK(parsed(with("\"order\"", "\"attributes\":{\"a\":1},\"order\"")).dtype == DType::float32);
  CHECK(parsed(with("\"dimension_separator\":\".\",", "")).keys.separator == '.');
  CHECK(parsed(with("\"filters\":null", "\"filters\":[]")).dtype == DType::float32);
}

TEST_CASE("every compressor of zarr v2 is described, whatever else stands beside its id") {
  for (zarr::Codec codec : {zarr::Codec::gzip, zarr::Codec::zlib, zarr::Codec::bz2, zarr::Codec::blosc}) {
    const auto metadata = parsed(with("\"zstd\"", "\"" + std::string(zarr::name(codec)) + "\",\"shuffle\":-1"));
    REQUIRE(metadata.codecs.bytes.size() == 1);
    CHECK(metadata.codecs.bytes[0].codec == codec);
    CHECK(metadata.codecs.is_compressed());
  }
}

TEST_CASE("order F is the reversal of the axes") {
  CHECK(parsed(with("\"C\"", "\"F\"")).codecs.transpose == Shape{1, 0});
}

TEST_CASE("hostile extents are refused") {
  const auto shapes = [](std::string_view shape, std::string_view chunks) {
    std::string text = with("\"shape\":[5,3]", "\"shape\":" + std::string(shape));
    return text.replace(text.find("\"chunks\":[5,3]"), 14, "\"chunks\":" + std::string(chunks));
  };
  CHECK(message(shapes("[-1,3]", "[5,3]")).find("\"shape[0]\"") != std::string::npos);
  CHECK(message(shapes("[5,3]", "[5,0]")).find("\"chunks[1]\"") != std::string::npos);
  CHECK(message(shapes("[5,3.0]", "[5,3]")).find("\"shape[1]\"") != std::string::npos);
  CHECK(message(shapes("[5,3]", "[5,18446744073709551615]")).find("\"chunks[1]\"") != std::string::npos);
  CHECK(message(shapes("[5,3]", "[5]")).find("the same number") != std::string::npos);
  CHECK(message(shapes("{}", "[5,3]")).find("\"shape\"") != std::string::npos);
  CHECK(message(shapes("[4294967296,4294967296]", "[5,3]")).find("63 bits") != std::string::npos);
  CHECK(message(shapes("[5,3]", "[4294967296,4294967296]")).find("63 bits") != std::string::npos);
  CHECK(message(shapes("[2305843009213693952]", "[1]")).find("63 bits") != std::string::npos);  // 2^61 elements of 4 bytes
  std::string ones = "[1";
  for (int i = 1; i < 32; ++i) ones += ",1";
  CHECK(parsed(shapes(ones + "]", ones + "]")).shape.size() == 32);
  CHECK(message(shapes(ones + ",1]", ones + ",1]")).find("at most 32") != std::string::npos);
}

TEST_CASE("hostile JSON is refused") {
  message(with("\"order\":\"C\"", "\"order\":\"C\",\"order\":\"F\""));
  message(with("\"order\":\"C\"", "\"x\":" + std::string(10000, '[')));
  message(with("\"order\":\"C\"", "\"x\":NaN,\"order\":\"C\""));
}

TEST_CASE("a fill value is the element it stands for") {
  CHECK(fill<bool>("|b1", "true"));
  CHECK(fill<std::int8_t>("|i1", "-128") == -128);
  CHECK(fill<std::int8_t>("int4", "-8") == -8);
  CHECK(fill<std::int32_t>("<i4", "7.0") == 7);
  CHECK(fill<std::int64_t>("<i8", "-9223372036854775808") == INT64_MIN);
  CHECK(fill<std::uint64_t>("<u8", "18446744073709551615") == UINT64_MAX);
  CHECK(fill<float>("<f4", "1.5") == 1.5f);
  CHECK(fill<float>("<f4", "3") == 3.0f);
  CHECK(fill<float>("<f4", "\"2.25\"") == 2.25f);
  CHECK(fill<std::uint32_t>("<f4", "\"NaN\"") == 0x7FC00000u);
  CHECK(fill<std::uint32_t>("<f4", "-0.0") == 0x80000000u);
  CHECK(fill<double>(">f8", "\"-Infinity\"") == -std::numeric_limits<double>::infinity());
  CHECK(fill<std::uint16_t>("bfloat16", "\"NaN\"") == 0x7FC0u);
  CHECK(fill<std::complex<float>>("<c8", "[1.5,\"NaN\"]").real() == 1.5f);
  CHECK(fill<std::complex<double>>("<c16", "[1,-2]") == std::complex<double>(1, -2));
  CHECK(fill<std::complex<float>>("<c8", "\"AACAPwAAAEA=\"") == std::complex<float>(1, 2));
  CHECK(fill<std::complex<float>>(">c8", "\"P4AAAEAAAAA=\"") == std::complex<float>(1, 2));
  CHECK(fill<std::uint8_t>("float4_e2m1fn", "\"Aw==\"") == 3);
}

TEST_CASE("a fill value that the dtype cannot hold is refused") {
  for (auto [dtype, json] : {std::pair("|b1", "1"), {"|b1", "\"true\""}, {"|i1", "128"}, {"|u1", "-1"}, {"|u1", "256"}, {"int4", "8"},
                             {"int2", "-3"}, {"<i4", "1.5"}, {"<i4", "\"1\""}, {"<i8", "9223372036854775808"}, {"<i8", "1e30"},
                             {"<u8", "-1.0"},
                             {"<f4", "true"}, {"<f4", "\"nan\""}, {"<f4", "\"1x\""}, {"<f4", "\"\""}, {"<f4", "[1]"}, {"<c8", "[1]"},
                             {"<c8", "1"}, {"<c8", "\"AACA\""}, {"<c8", "\"AACAPwAAAE!=\""}, {"float4_e2m1fn", "3"},
                             {"float4_e2m1fn", "\"Aw=A\""}})
    CHECK_THROWS_WITH_AS(fill<std::uint8_t>(dtype, json), doctest::Contains("fill_value"), FormatError);
}
