#include "orrery/formats/zarr/sharding_indexed.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/core/array.hpp"
#include "orrery/formats/zarr/array.hpp"

using namespace orrery;

namespace {

const Where file{.key_path = "w", .file = "d/data", .offset = 100};
constexpr std::uint64_t missing = ~std::uint64_t{0};

// One shard of 4 x 6 int16 in sub-chunks of 2 x 3, which holds 0, 1, 2, ... but for the third sub-chunk.
zarr::ArrayMetadata described() {
  zarr::ArrayMetadata metadata;
  metadata.shape = metadata.chunks = {4, 6};
  metadata.dtype = DType::int16;
  zarr::Sharding sharding;
  sharding.chunks = {2, 3};
  metadata.codecs.sharding = {sharding};
  return metadata;
}

std::string sub_chunk(Dim row, Dim column) {
  std::string bytes;
  for (Dim i = 0; i < 2; ++i)
    for (Dim j = 0; j < 3; ++j) ByteWriter(bytes).u16le(static_cast<std::uint16_t>((2 * row + i) * 6 + 3 * column + j));
  return bytes;
}

using Entries = std::vector<zarr::ByteRange>;
std::string index_of(const zarr::Sharding& sharding, const Entries& entries) {
  std::string index;
  ByteWriter writer(index);
  for (const zarr::ByteRange& each : entries)
    for (const std::uint64_t number : {each.offset, each.size}) sharding.index_big_endian ? writer.u64be(number) : writer.u64le(number);
  for (std::size_t i = 0; i < sharding.index_checksums; ++i) writer.u32le(crc32c(index.data(), index.size()));
  return index;
}

// The shard, sub-chunks in an order of their own with a gap between them.
std::string shard_of(const zarr::Sharding& sharding) {
  const std::uint64_t before = sharding.index_at_start ? 64 + 4 * sharding.index_checksums : 0;
  const std::string data = sub_chunk(1, 1) + "gap" + sub_chunk(0, 0) + sub_chunk(0, 1);
  const std::string index = index_of(sharding, {{before + 15, 12}, {before + 27, 12}, {missing, missing}, {before, 12}});
  return sharding.index_at_start ? index + data : data + index;
}

void read(const zarr::ArrayMetadata& metadata, const zarr::Box& box, std::string_view shard, const ArrayView& to,
          zarr::MissingChunk what = zarr::MissingChunk::fill) {
  zarr::read_box(metadata, box, to, what, file, [&](std::span<const Dim>) { return std::optional(shard); });
}

Array<std::int16_t> expected() {
  auto array = Array<std::int16_t>::arange(24).reshape({4, 6});
  for (Dim i = 2; i < 4; ++i)
    for (Dim j = 0; j < 3; ++j) array(i, j) = 0;
  return array;
}

}  // namespace

TEST_CASE("a shard is read with its index at either end, in either byte order, with any number of checksums") {
  for (const bool at_start : {false, true})
    for (const bool big_endian : {false, true})
      for (const std::size_t checksums : {0u, 1u, 2u}) {
        zarr::ArrayMetadata metadata = described();
        zarr::Sharding& sharding = metadata.codecs.sharding[0];
        sharding.index_at_start = at_start;
        sharding.index_big_endian = big_endian;
        sharding.index_checksums = checksums;
        Array<std::int16_t> whole({4, 6}), part({2, 4});
        read(metadata, zarr::Box::whole({4, 6}), shard_of(sharding), whole.view());
        CHECK(whole == expected());
        read(metadata, {{1, 2}, {2, 4}}, shard_of(sharding), part.view());
        for (Dim i = 0; i < 2; ++i)
          for (Dim j = 0; j < 4; ++j) CHECK(part(i, j) == expected()(i + 1, j + 2));
      }
}

TEST_CASE("a missing sub-chunk is the fill value, or an error where none may be missing") {
  zarr::ArrayMetadata metadata = described();
  metadata.fill.emplace();
  const std::int16_t seven = 7;
  std::memcpy(metadata.fill->data(), &seven, sizeof seven);
  Array<std::int16_t> whole({4, 6});
  const std::string shard = shard_of(metadata.codecs.sharding[0]);
  read(metadata, zarr::Box::whole({4, 6}), shard, whole.view());
  CHECK(whole(2, 0) == 7);
  CHECK(whole(3, 3) == 21);
  CHECK_THROWS_WITH_AS(read(metadata, zarr::Box::whole({4, 6}), shard, whole.view(), zarr::MissingChunk::error),
                       doctest::Contains("sub-chunk (1, 0)"), DataLossError);
}

TEST_CASE("sub-chunks wholly outside of the array are not looked at") {
  zarr::ArrayMetadata metadata = described();
  metadata.shape = {2, 3};
  const std::string shard = sub_chunk(0, 0) + index_of(metadata.codecs.sharding[0], {{0, 12}, {5000, 1}, {0, 1}, {missing, 0}});
  Array<std::int16_t> whole({2, 3});
  read(metadata, zarr::Box::whole({2, 3}), shard, whole.view());
  CHECK(whole(1, 2) == 8);
}

TEST_CASE("index entries that reach beyond the shard are data loss, whatever their sum is") {
  const zarr::ArrayMetadata metadata = described();
  Array<std::int16_t> whole({4, 6});
  for (const zarr::ByteRange& lie : Entries{{0, 1000}, {1000, 12}, {missing - 11, 12}, {missing, 12}, {12, missing}, {1, missing}, {missing - 5, missing - 5}}) {
    const std::string shard = sub_chunk(0, 0) + index_of(metadata.codecs.sharding[0], {{0, 12}, lie, {0, 12}, {0, 12}});
    CHECK_THROWS_WITH_AS(read(metadata, zarr::Box::whole({4, 6}), shard, whole.view()), doctest::Contains("sub-chunk (0, 1)"), DataLossError);
  }
  // Inside of the shard, yet no sub-chunk.
  for (const zarr::ByteRange& lie : Entries{{0, 11}, {0, 13}, {0, 0}}) {
    const std::string shard = sub_chunk(0, 0) + index_of(metadata.codecs.sharding[0], {{0, 12}, lie, {0, 12}, {0, 12}});
    CHECK_THROWS_AS(read(metadata, zarr::Box::whole({4, 6}), shard, whole.view()), DataLossError);
  }
}

TEST_CASE("a shard that is shorter than its index, and an index whose checksum differs, are data loss") {
  const zarr::ArrayMetadata metadata = described();
  const std::string shard = shard_of(metadata.codecs.sharding[0]);
  Array<std::int16_t> whole({4, 6});
  for (const std::size_t size : {0u, 1u, 67u})
    CHECK_THROWS_WITH_AS(read(metadata, zarr::Box::whole({4, 6}), std::string_view(shard).substr(shard.size() - size), whole.view()),
                         doctest::Contains("index of 68 bytes"), DataLossError);
  for (std::size_t i = shard.size() - 68; i < shard.size(); ++i) {
    std::string damaged = shard;
    damaged[i] ^= 1;
    CHECK_THROWS_WITH_AS(read(metadata, zarr::Box::whole({4, 6}), damaged, whole.view()), doctest::Contains("CRC-32C"), DataLossError);
  }
}

TEST_CASE("a shard of a huge sub-chunk does not make room for it on the word of its index") {
  zarr::ArrayMetadata metadata = described();
  metadata.shape = {4, 6};
  metadata.chunks = {Dim{1} << 30, Dim{1} << 30};
  metadata.codecs = zarr::one_chunk_shards(metadata.chunks, {});
  Array<std::int16_t> whole({4, 6});
  const std::string bytes(48, 'x');
  CHECK_THROWS_AS(read(metadata, zarr::Box::whole({4, 6}), bytes + zarr::one_chunk_index(48), whole.view()), DataLossError);
  metadata.codecs.sharding[0].codecs.bytes = {{zarr::Codec::zstd}};
  const std::string frame = zstd_compress(bytes);
  CHECK_THROWS_WITH_AS(read(metadata, zarr::Box::whole({4, 6}), frame + zarr::one_chunk_index(frame.size()), whole.view()),
                       doctest::Contains("cannot hold"), FormatError);
}

TEST_CASE("the shard that Orbax writes is a sub-chunk and the index that we write behind it") {
  // spec/zarr.md 12: offset 0, 41 bytes.
  CHECK(zarr::one_chunk_index(0x29) == std::string("\0\0\0\0\0\0\0\0\x29\0\0\0\0\0\0\0\x8e\x86\x77\x44", 20));
  zarr::ArrayMetadata metadata = described();
  metadata.codecs = zarr::one_chunk_shards({4, 6}, {});
  const auto array = Array<std::int16_t>::arange(24).reshape({4, 6});
  const std::string shard = std::string(reinterpret_cast<const char*>(array.data()), 48) + zarr::one_chunk_index(48);
  Array<std::int16_t> whole({4, 6});
  read(metadata, zarr::Box::whole({4, 6}), shard, whole.view());
  CHECK(whole == array);
  const auto plain = zarr::plain_chunk(metadata, whole.view());
  REQUIRE(plain);
  CHECK(plain->shard == &metadata.codecs.sharding[0]);
  CHECK_FALSE(plain->has_checksum);
}

TEST_CASE("plain chunks are known as such through transpositions and a checksum, and not through more") {
  zarr::ArrayMetadata metadata = described();
  const Array<std::int16_t> memory({4, 6});
  const ArrayView c = memory.view(), f{DType::int16, {4, 6}, f_strides(Shape{4, 6}, 2), memory.data()};
  metadata.codecs = {};
  metadata.codecs.bytes = {{zarr::Codec::crc32c}};
  REQUIRE(zarr::plain_chunk(metadata, c));
  CHECK(zarr::plain_chunk(metadata, c)->has_checksum);
  metadata.codecs.bytes.push_back({zarr::Codec::crc32c});
  CHECK_FALSE(zarr::plain_chunk(metadata, c));
  zarr::CodecChain inner;
  inner.transpose = {1, 0};
  metadata.codecs = zarr::one_chunk_shards({4, 6}, inner);
  CHECK(zarr::plain_chunk(metadata, f));
  CHECK_FALSE(zarr::plain_chunk(metadata, c));
  metadata.codecs = zarr::one_chunk_shards({6, 4}, inner);
  metadata.codecs.transpose = {1, 0};  // twice is not at all
  CHECK(zarr::plain_chunk(metadata, c));
  CHECK_FALSE(zarr::plain_chunk(metadata, f));
  CHECK_FALSE(zarr::plain_chunk(described(), c));
}
