// Metadata of zarr arrays, v2 and v3, and chunks that such metadata describes, whatever codecs they went through.
#include "contract.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <string>

#include "orrery/core/any_array.hpp"
#include "orrery/core/byte_io.hpp"
#include "orrery/core/crc32c.hpp"
#include "orrery/formats/zarr/array.hpp"
#include "orrery/formats/zarr/metadata.hpp"
#include "orrery/formats/zarr/metadata_v3.hpp"

namespace orrery::fuzz {

namespace {

const Where where{"w", "d/data", 100};
constexpr std::size_t most_bytes = std::size_t{4} << 20;  // of an array: metadata may ask for any size, its user looks before

bool same(const zarr::ArrayMetadata& a, const zarr::ArrayMetadata& b) {
  return a.shape == b.shape && a.chunks == b.chunks && a.dtype == b.dtype && a.keys == b.keys && a.codecs == b.codecs && a.fill == b.fill;
}

// Makes the checksums of a stored chunk right, where they lie in the open: mutations would all die of them.
void seal(const zarr::CodecChain& chain, const Shape& chunk, std::string& bytes, std::size_t at, std::size_t size, std::size_t& budget) {
  const auto put = [&](std::size_t begin, std::size_t length) {  // of what lies before the last four bytes
    store_le<std::uint32_t>(bytes.data() + begin + length - 4, crc32c(bytes.data() + begin, length - 4));
  };
  const Shape encoded = zarr::permuted(chunk, chain.transpose);
  if (!chain.is_sharded()) {
    std::size_t checksums = 0;
    for (auto i = chain.bytes.rbegin(); i != chain.bytes.rend() && !i->compresses(); ++i) ++checksums;
    if (size < 4 * checksums) return;
    for (std::size_t i = checksums; i-- > 0;) put(at, size - 4 * i);
    return;
  }
  const zarr::Sharding& sharding = chain.sharding[0];
  const zarr::ByteRange index = zarr::index_range(sharding, encoded, size, where);
  const std::size_t entries = static_cast<std::size_t>(index.size - 4 * sharding.index_checksums) / 16;
  for (std::size_t i = 0; i < entries && budget > 0; ++i, --budget) {
    const char* entry = bytes.data() + at + index.offset + 16 * i;
    const auto number = [&](int k) {
      return sharding.index_big_endian ? load_be<std::uint64_t>(entry + k) : load_le<std::uint64_t>(entry + k);
    };
    const std::uint64_t offset = number(0), length = number(8);
    if (offset > size || length > size - offset) continue;
    accepts([&] {
      seal(sharding.codecs, sharding.chunks, bytes, at + static_cast<std::size_t>(offset), static_cast<std::size_t>(length), budget);
    });
  }
  for (std::size_t i = sharding.index_checksums; i-- > 0;)
    put(at + static_cast<std::size_t>(index.offset), static_cast<std::size_t>(index.size) - 4 * i);
}

// Every third chunk is missing; all others are `stored`.
void read_all(const zarr::ArrayMetadata& metadata, std::string_view stored, std::minstd_rand random) {
  const auto fetch = [&](const Shape& index) {
    Dim sum = 0;
    for (const Dim i : index) sum += i;
    return sum % 3 == 2 ? std::nullopt : std::optional(stored);
  };
  const auto read_box = [&](const zarr::Box& box, zarr::MissingChunk missing) {
    AnyArray to = AnyArray::zeros(metadata.dtype, box.extents);
    zarr::read_box(metadata, box, to.view(), missing, where, fetch);
    return to;
  };
  const zarr::Box all = zarr::Box::whole(metadata.shape);
  const auto whole = read([&] { return read_box(all, zarr::MissingChunk::fill); });
  const auto strict = read([&] { return read_box(all, zarr::MissingChunk::error); });
  expect(!strict || (whole && *strict == *whole), "zarr: what may not be missing is read as something else");
  for (int i = 0; i < 3; ++i) {
    zarr::Box box = all;
    for (std::size_t k = 0; k < metadata.shape.size(); ++k) {
      box.origin[k] = static_cast<Dim>(random() % static_cast<std::uint64_t>(metadata.shape[k] + 1));
      box.extents[k] = static_cast<Dim>(random() % static_cast<std::uint64_t>(metadata.shape[k] - box.origin[k] + 1));
    }
    const auto part = read([&] { return read_box(box, zarr::MissingChunk::fill); });
    if (!whole) continue;
    expect(part.has_value(), "zarr: an array can be read, a part of it cannot");
    if (part->size() == 0) continue;
    AnyArray cut = AnyArray::zeros(metadata.dtype, box.extents);
    copy(part_of(whole->view(), box), cut.view());
    expect(*part == cut, "zarr: a part of an array is read as something else than in the whole");
  }
  // As a restore reads one chunk where elements lie as they are wanted: straight.
  if (!whole) return;
  const auto plain = zarr::plain_chunk(metadata, whole->view());
  if (!plain || whole->nbytes() == 0) return;
  std::string_view elements = stored;
  if (plain->shard) {
    const Shape encoded = zarr::permuted(metadata.chunks, metadata.codecs.transpose);
    const zarr::ByteRange range = zarr::index_range(*plain->shard, encoded, stored.size(), where);
    const zarr::ShardIndex index(*plain->shard, encoded, stored.substr(range.offset, range.size), stored.size(), where);
    const auto found = index.find(Shape::zeros(encoded.size()), where);
    if (!found) return;
    elements = stored.substr(found->offset, found->size);
  }
  expect(elements.size() == whole->nbytes() + (plain->has_checksum ? 4 : 0), "zarr: a plain chunk has another size than its elements");
  std::string finished(elements.substr(0, whole->nbytes()));
  zarr::finish_elements(metadata.dtype, finished.data(), whole->size(), where);
  expect(std::memcmp(finished.data(), whole->data(), finished.size()) == 0, "zarr: a plain chunk is no plain chunk");
}

}  // namespace

void zarr_metadata(std::string_view input) {
  if (const auto metadata = read([&] { return zarr::parse_metadata(input, where); }))
    expect_stable(
        *metadata, zarr::to_json, [](const std::string& text) { return zarr::parse_metadata(text, where); }, same);
  if (const auto metadata = read([&] { return zarr::parse_metadata_v3(input, where); }))
    expect_stable(
        *metadata, zarr::to_json_v3, [](const std::string& text) { return zarr::parse_metadata_v3(text, where); }, same);
}

// Two bytes for the length of the metadata, the metadata of either version, and the stored bytes of a chunk.
void zarr_chunk(std::string_view input) {
  if (input.size() < 2) return;
  const std::size_t length = load_le<std::uint16_t>(input.data());
  input.remove_prefix(2);
  if (length > input.size()) return;
  const std::string_view text = input.substr(0, length), stored = input.substr(length);
  auto metadata = read([&] { return zarr::parse_metadata(text, where); });
  if (!metadata) metadata = read([&] { return zarr::parse_metadata_v3(text, where); });
  if (!metadata || metadata->chunk_bytes() > most_bytes || *checked_bytes(metadata->shape, item_size(metadata->dtype)) > most_bytes) return;
  const auto chunks = checked_count(zarr::grid_extents(*metadata));
  if (!chunks || *chunks > 1024 || !zarr::is_plausible(*metadata, stored.size())) return;
  const std::minstd_rand random(crc32c(input.data(), input.size()) | 1);
  read_all(*metadata, stored, random);
  std::string sealed(stored);
  std::size_t budget = 256;
  if (accepts([&] { seal(metadata->codecs, metadata->chunks, sealed, 0, sealed.size(), budget); }) && sealed != stored)
    read_all(*metadata, sealed, random);
}

}  // namespace orrery::fuzz
