// Metadata of zarr arrays, and chunks that such metadata describes.
#include "contract.hpp"

#include <memory>

#include "orrery/core/any_array.hpp"
#include "orrery/core/byte_io.hpp"
#include "orrery/formats/zarr/array.hpp"

namespace orrery::fuzz {

namespace {
const Where where{"w", "d/data", 100};
constexpr std::size_t most_bytes = std::size_t{64} << 20;  // of an array: metadata may ask for any size, its user looks before
}  // namespace

void zarr_metadata(std::string_view input) {
  if (const auto metadata = read([&] { return zarr::parse_metadata(input, where); }))
    expect_stable(
        *metadata, zarr::to_json, [](const std::string& text) { return zarr::parse_metadata(text, where); },
        [](const zarr::ArrayMetadata& a, const zarr::ArrayMetadata& b) {
          return a.shape == b.shape && a.chunks == b.chunks && a.dtype == b.dtype && a.order == b.order && a.separator == b.separator &&
                 a.compressor == b.compressor && a.level == b.level;
        });
}

// Two bytes for the length of the metadata, the metadata, and the stored bytes of the chunk.
void zarr_chunk(std::string_view input) {
  if (input.size() < 2) return;
  const std::size_t length = load_le<std::uint16_t>(input.data());
  input.remove_prefix(2);
  if (length > input.size()) return;
  const auto metadata = read([&] { return zarr::parse_metadata(input.substr(0, length), where); });
  if (!metadata || metadata->chunk_bytes() > most_bytes || *checked_bytes(metadata->shape, item_size(metadata->dtype)) > most_bytes) return;
  const std::string_view stored = input.substr(length);
  if (!zarr::is_plausible(*metadata, stored.size())) return;
  accepts([&] {
    const auto chunk = std::make_unique_for_overwrite<std::byte[]>(metadata->chunk_bytes());
    zarr::decode_chunk(*metadata, stored, chunk.get(), where);
  });
  // Two chunks of three are there.
  accepts([&] {
    if (checked_count(zarr::grid_extents(*metadata)).value_or(1 << 20) > 4096) return;
    const AnyArray array = AnyArray::zeros(metadata->dtype, metadata->shape);
    int calls = 0;
    zarr::read_array(*metadata, array.view(), zarr::MissingChunk::fill, where,
                     [&](const Shape&) { return ++calls % 3 == 0 ? std::nullopt : std::optional(stored); });
  });
}

}  // namespace orrery::fuzz
