#include "orrery/formats/zarr/metadata_v3.hpp"

#include <doctest/doctest.h>

#include <complex>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

using namespace orrery;

namespace {

// What Orbax 0.12.8 has TensorStore write, compressed.
constexpr std::string_view kernel =
    R"({"chunk_grid":{"configuration":{"chunk_shape":[5,3]},"name":"regular"},"chunk_key_encoding":{"name":"default"},"codecs":[)"
    R"({"configuration":{"chunk_shape":[5,3],"codecs":[{"configuration":{"endian":"little"},"name":"bytes"},)"
    R"({"configuration":{"checksum":false,"level":3},"name":"zstd"}],"index_codecs":[{"configuration":{"endian":"little"},"name":"bytes"},)"
    R"({"name":"crc32c"}]},"name":"sharding_indexed"}],"data_type":"float32","fill_value":0.0,"node_type":"array","shape":[5,3],)"
    R"("zarr_format":3})";

const Where file{.file = "params.kernel/zarr.json"};

zarr::ArrayMetadata parsed(std::string_view text) { return zarr::parse_metadata_v3(text, file); }

std::string with(std::string_view from, std::string_view to) {
  std::string text(kernel);
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

// An array of 5 x 3 float32 in one chunk with those codecs.
std::string with_codecs(const std::string& codecs) {
  std::string text(kernel);
  const std::size_t begin = text.find("\"codecs\":[") + 10, end = text.find("],\"data_type\"");
  return text.replace(begin, end - begin, codecs);
}
const std::string bytes = R"({"configuration":{"endian":"little"},"name":"bytes"})";

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
bool refused(const std::string& text, std::string_view words) {
  const std::string said = message(text);
  INFO(said);
  return said.find(words) != std::string::npos;
}

template <class T>
T fill(std::string_view dtype, std::string_view json) {
  std::string text = with("\"float32\"", "\"" + std::string(dtype) + "\"");
  text.replace(text.find("\"fill_value\":0.0"), 16, "\"fill_value\":" + std::string(json));
  T value;
  std::memcpy(&value, parsed(text).fill.value().data(), sizeof value);
  return value;
}

}  // namespace

TEST_CASE("a shard of one sub-chunk, as Orbax stores arrays in zarr v3, is read") {
  const auto metadata = parsed(kernel);
  CHECK(metadata.shape == Shape{5, 3});
  CHECK(metadata.chunks == Shape{5, 3});
  CHECK(metadata.dtype == DType::float32);
  CHECK(metadata.keys == zarr::KeyEncoding::v3());
  CHECK(*metadata.fill == zarr::FillValue{});
  zarr::CodecChain inner;
  inner.bytes = {{zarr::Codec::zstd, 3}};
  CHECK(metadata.codecs == zarr::one_chunk_shards({5, 3}, inner));
}

TEST_CASE("zarr v3 metadata is written byte for byte as TensorStore writes it") {
  CHECK(zarr::to_json_v3(parsed(kernel)) == kernel);
  const std::string crc = R"(,{"name":"crc32c"})", zstd = R"(,{"configuration":{"checksum":true,"level":-5},"name":"zstd"})";
  const std::string turned = R"({"configuration":{"order":[1,0]},"name":"transpose"},)";
  for (const std::string& codecs : {bytes, bytes + crc, bytes + zstd, bytes + crc + crc + zstd + crc, turned + bytes}) {
    const std::string text = with_codecs(codecs);
    CHECK(zarr::to_json_v3(parsed(text)) == text);
  }
  zarr::ArrayMetadata metadata;
  metadata.dtype = DType::bool_;
  metadata.keys = zarr::KeyEncoding::v3();
  CHECK(zarr::to_json_v3(metadata) ==
        R"({"chunk_grid":{"configuration":{"chunk_shape":[]},"name":"regular"},"chunk_key_encoding":{"name":"default"},)"
        R"("codecs":[{"name":"bytes"}],"data_type":"bool","fill_value":false,"node_type":"array","shape":[],"zarr_format":3})");
  metadata.dtype = DType::complex64;
  metadata.keys = {true, '.'};
  CHECK(zarr::to_json_v3(metadata).find(R"("fill_value":[0.0,0.0])") != std::string::npos);
  CHECK(zarr::to_json_v3(metadata).find(R"({"configuration":{"separator":"."},"name":"default"})") != std::string::npos);
  metadata.dtype = DType::uint4;
  CHECK_THROWS_AS(zarr::to_json_v3(metadata), ArgumentError);
  CHECK_THROWS_AS(zarr::to_json_v3(parsed(with("0.0", "1.5"))), ArgumentError);
  CHECK_THROWS_AS(zarr::to_json_v3(parsed(with_codecs(bytes + R"(,{"configuration":{"level":1},"name":"gzip"})"))), ArgumentError);
}

TEST_CASE("elements of one byte have no byte order, whatever is said of it") {
  std::string text = with_codecs(R"({"configuration":{"endian":"big"},"name":"bytes"})");
  CHECK(parsed(text).codecs.big_endian);
  text.replace(text.find("float32"), 7, "int8");
  CHECK_FALSE(parsed(text).codecs.big_endian);
  CHECK(zarr::parse_metadata_v3(zarr::to_json_v3(parsed(text)), file).codecs == parsed(text).codecs);
}

TEST_CASE("keys of chunks follow the key encoding") {
  const auto key = [](std::string_view encoding, const Shape& index) {
    return zarr::chunk_key(index, parsed(with(R"({"name":"default"})", encoding)).keys);
  };
  CHECK(key(R"({"name":"default"})", {1, 2}) == "c/1/2");
  CHECK(key(R"({"name":"default","configuration":{"separator":"."}})", {1, 2}) == "c.1.2");
  CHECK(key(R"({"name":"v2"})", {1, 2}) == "1.2");
  CHECK(key(R"({"name":"v2","configuration":{"separator":"/"}})", {1, 2}) == "1/2");
  CHECK(key(R"({"name":"default"})", {}) == "c");
  CHECK(key(R"({"name":"v2"})", {}) == "0");
  CHECK(refused(with(R"({"name":"default"})", R"({"name":"hilbert"})"), "unsupported chunk key encoding 'hilbert'"));
  CHECK(refused(with(R"({"name":"default"})", R"({"name":"v2","configuration":{"separator":"-"}})"), "separator"));
}

TEST_CASE("several transpositions are one, and F is the reversal") {
  const auto order = [](const std::string& codecs) {
    std::string text = with_codecs(codecs + bytes);
    for (std::string_view extents : {"\"chunk_shape\":[5,3]", "\"shape\":[5,3]"}) text.replace(text.find(extents) + extents.size() - 5, 5, "[5,3,7]");
    return parsed(text).codecs.transpose;
  };
  const auto transpose = [](std::string_view o) { return R"({"configuration":{"order":)" + std::string(o) + R"(},"name":"transpose"},)"; };
  CHECK(order(transpose("[1,2,0]")) == Shape{1, 2, 0});
  CHECK(order(transpose("\"F\"")) == Shape{2, 1, 0});
  CHECK(order(transpose("\"C\"")).empty());
  CHECK(order(transpose("[1,2,0]") + transpose("[2,0,1]")).empty());
  CHECK(order(transpose("[1,2,0]") + transpose("[1,0,2]")) == Shape{2, 1, 0});
}

TEST_CASE("shards say where their index is, how it is coded and what they are cut into") {
  const auto metadata = parsed(with_codecs(
      R"({"name":"transpose","configuration":{"order":[1,0]}},{"name":"sharding_indexed","configuration":{"chunk_shape":[3,1],"index_location":"start",)"
      R"("index_codecs":[{"name":"bytes","configuration":{"endian":"big"}}],"codecs":[{"name":"bytes","configuration":{"endian":"big"}},)"
      R"({"name":"blosc","configuration":{"cname":"lz4","clevel":5,"shuffle":"shuffle","typesize":4,"blocksize":0}},{"name":"crc32c"}]}})"));
  REQUIRE(metadata.codecs.is_sharded());
  CHECK(metadata.codecs.transpose == Shape{1, 0});
  const zarr::Sharding& shard = metadata.codecs.sharding[0];
  CHECK(shard.chunks == Shape{3, 1});
  CHECK(shard.index_at_start);
  CHECK(shard.index_big_endian);
  CHECK(shard.index_checksums == 0);
  CHECK(shard.codecs.big_endian);
  CHECK(shard.codecs.bytes == std::vector<zarr::ByteCodec>{{zarr::Codec::blosc}, {zarr::Codec::crc32c}});
}

TEST_CASE("compressors and checksums may follow upon each other in any order") {
  const auto metadata =
      parsed(with_codecs(bytes + R"(,{"name":"gzip","configuration":{"level":1}},{"name":"crc32c"},{"name":"zstd"},{"name":"blosc"})"));
  CHECK(metadata.codecs.bytes ==
        std::vector<zarr::ByteCodec>{{zarr::Codec::gzip}, {zarr::Codec::crc32c}, {zarr::Codec::zstd, 3}, {zarr::Codec::blosc}});
}

TEST_CASE("what would change decoding and is not known is refused by name") {
  for (std::string_view member : {"chunk_grid", "chunk_key_encoding", "codecs", "data_type", "fill_value", "node_type", "shape", "zarr_format"})
    message(with("\"" + std::string(member) + "\":", "\"x\":"));
  CHECK(refused(with("\"zarr_format\":3", "\"zarr_format\":2"), "zarr_format"));
  CHECK(refused(with("\"array\"", "\"group\""), "node_type"));
  CHECK(refused(with("\"regular\"", "\"rectilinear\""), "unsupported chunk grid 'rectilinear'"));
  CHECK(refused(with("\"float32\"", "\"r16\""), "unsupported dtype 'r16'"));
  CHECK(refused(with("\"float32\"", "\"uint4\""), "unsupported dtype 'uint4'"));
  CHECK(refused(with("\"float32\"", "{\"name\":\"structured\"}"), "structured"));
  CHECK(refused(with("\"zarr_format\"", "\"new\":1,\"zarr_format\""), "'new'"));
  CHECK(refused(with("\"zarr_format\"", "\"new\":{\"must_understand\":true},\"zarr_format\""), "'new'"));
  CHECK_NOTHROW(parsed(with("\"zarr_format\"", "\"new\":{\"must_understand\":false},\"attributes\":{\"a\":[]},\"zarr_format\"")));
  CHECK_NOTHROW(parsed(with("\"zarr_format\"", "\"dimension_names\":[\"a\",null],\"storage_transformers\":[],\"zarr_format\"")));
  CHECK(refused(with("\"zarr_format\"", "\"storage_transformers\":[{\"name\":\"x\"}],\"zarr_format\""), "storage transformers"));
  CHECK(refused(with_codecs(bytes + R"(,{"name":"lzma"})"), "unsupported codec 'lzma'"));
  CHECK(refused(with_codecs(R"({"name":"delta"},)" + bytes), "unsupported codec 'delta'"));
  CHECK(refused(with_codecs(bytes + R"(,{"name":"zstd","configuration":{"dictionary":"x"}})"), "'dictionary'"));
  CHECK(refused(with_codecs(bytes + R"(,{"name":"zstd","level":1})"), "'level'"));
  for (std::string_view text : {"", "[]", "null", "{", "7"}) message(std::string(text));
}

TEST_CASE("a codec chain is arrays to arrays, one array to bytes, bytes to bytes") {
  CHECK(refused(with_codecs(""), "expected one of the codecs bytes"));
  CHECK(refused(with_codecs(R"({"name":"crc32c"})"), "stands before"));
  CHECK(refused(with_codecs(bytes + "," + bytes), "stands behind"));
  CHECK(refused(with_codecs(bytes + R"(,{"name":"transpose","configuration":{"order":[1,0]}})"), "stands behind"));
  CHECK(refused(with_codecs(R"({"name":"bytes"})"), "endian"));
  CHECK(refused(with_codecs(R"({"name":"bytes","configuration":{"endian":"middle"}})"), "endian"));
  CHECK(refused(with_codecs("\"bytes\""), "an object"));
  CHECK(refused(with(R"("name":"sharding_indexed"})", R"("name":"sharding_indexed"},{"name":"crc32c"})"), "behind sharding_indexed"));
  for (std::string_view order : {"[0]", "[0,0]", "[0,2]", "[-1,0]", "\"A\"", "1"})
    message(with_codecs(R"({"name":"transpose","configuration":{"order":)" + std::string(order) + "}}," + bytes));
}

TEST_CASE("sub-chunks divide their shard, and an index has a fixed size") {
  const auto sub = [](std::string_view extents) { return with("\"chunk_shape\":[5,3],\"codecs\"", "\"chunk_shape\":" + std::string(extents) + ",\"codecs\""); };
  CHECK_NOTHROW(parsed(sub("[1,3]")));
  for (std::string_view extents : {"[2,3]", "[5]", "[5,3,1]", "[10,3]"}) CHECK(refused(sub(extents), "do not divide"));
  message(sub("[5,0]"));
  message(sub("[5,-3]"));
  std::string many = sub("[1,1]");
  many.replace(many.find("\"chunk_shape\":[5,3]}"), 20, "\"chunk_shape\":[1048576,2048]}");
  CHECK(refused(many, "2^30"));
  CHECK(refused(with(R"("index_codecs":[)", R"("index_codecs":[{"name":"transpose","configuration":{"order":[1,0]}},)"), "index codecs"));
  CHECK(refused(with(R"({"name":"crc32c"}]})", R"({"name":"zstd"}]})"), "no fixed size"));
  CHECK(refused(with(R"({"name":"crc32c"}]})", R"({"name":"crc32c"}],"index_location":"middle"})"), "index_location"));
}

TEST_CASE("hostile extents and nesting are refused in zarr v3") {
  CHECK(refused(with("\"shape\":[5,3]", "\"shape\":[-1,3]"), "\"shape[0]\""));
  CHECK(refused(with("\"shape\":[5,3]", "\"shape\":[5]"), "the same number"));
  CHECK(refused(with("\"shape\":[5,3]", "\"shape\":[4294967296,4294967296]"), "63 bits"));
  CHECK(refused(with("\"chunk_shape\":[5,3]}", "\"chunk_shape\":[4294967296,4294967296]}"), "63 bits"));
  CHECK(refused(with("\"chunk_shape\":[5,3]}", "\"chunk_shape\":[0,3]}"), "chunk_shape[0]"));
  std::string nested = bytes;
  for (int i = 0; i < 100; ++i)
    nested = R"({"name":"sharding_indexed","configuration":{"chunk_shape":[5,3],"index_codecs":[)" + bytes + R"(],"codecs":[)" + nested + "]}}";
  CHECK(refused(with_codecs(nested), "deeper"));
}

TEST_CASE("a fill value of zarr v3 is the element it stands for") {
  CHECK(fill<std::int32_t>("int32", "-7") == -7);
  CHECK(fill<std::uint64_t>("uint64", "18446744073709551615") == UINT64_MAX);
  CHECK(fill<float>("float32", "1.5") == 1.5f);
  CHECK(fill<std::uint32_t>("float32", "\"NaN\"") == 0x7FC00000u);
  CHECK(fill<std::uint32_t>("float32", "\"0x7fc00001\"") == 0x7FC00001u);
  CHECK(fill<std::uint16_t>("bfloat16", "\"0x1\"") == 1u);
  CHECK(fill<double>("float64", "\"-Infinity\"") < -1e308);
  CHECK(fill<std::uint64_t>("float64", "\"0xFFF8000000000001\"") == 0xFFF8000000000001u);
  CHECK(fill<std::uint8_t>("float8_e8m0fnu", "\"NaN\"") == 0xFFu);
  CHECK(fill<std::uint8_t>("float4_e2m1fn", "1.5") == 3u);
  CHECK(fill<std::complex<float>>("complex64", "[1.5,\"0x40000000\"]") == std::complex<float>(1.5f, 2));
  for (auto [dtype, json] : {std::pair("float32", "null"), {"float32", "\"1.5\""}, {"float32", "\"0x\""}, {"float32", "\"0x123456789\""},
                             {"float32", "\"0xg\""}, {"float32", "\"0x-1\""}, {"float32", "true"}, {"int8", "128"}, {"int8", "\"0x1\""}, {"int8", "1.5"},
                             {"bool", "1"}, {"complex64", "[1]"}, {"complex64", "1"}, {"complex64", "\"AACAPwAAAEA=\""}})
    CHECK_THROWS_WITH_AS(fill<std::uint8_t>(dtype, json), doctest::Contains("fill_value"), FormatError);
}
