#include "orrery/formats/zarr/array.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/core/array.hpp"

using namespace orrery;

namespace {

const std::vector<zarr::ByteCodec> none, zstd{{zarr::Codec::zstd, 1}};
const Where file{.key_path = "params.kernel", .file = "d/data"};

zarr::ArrayMetadata described(DType dtype, const Shape& shape, const Shape& chunks) {
  zarr::ArrayMetadata metadata;
  metadata.shape = shape;
  metadata.chunks = chunks;
  metadata.dtype = dtype;
  return metadata;
}

// An array's chunks as TensorStore stores them, by key; the padding is 0x55.
template <class T>
std::map<std::string, std::string> stored(const Array<T>& array, const zarr::ArrayMetadata& metadata) {
  std::map<std::string, std::string> out;
  zarr::for_each_chunk(metadata.shape, metadata.chunks, zarr::Box::whole(metadata.shape), [&](const Shape& index, const zarr::Box& part) {
    std::string bytes(metadata.chunk_bytes(), '\x55');
    const bool f = !metadata.codecs.transpose.empty();
    const ArrayView chunk{metadata.dtype, part.extents, f ? f_strides(metadata.chunks, sizeof(T)) : c_strides(metadata.chunks, sizeof(T)),
                          bytes.data()};
    copy(part_of(array.view(), part), chunk);
    if (metadata.codecs.big_endian) swap_bytes(metadata.dtype, bytes.data(), metadata.chunk_elements());
    out[zarr::chunk_key(index, metadata.keys)] = metadata.codecs.is_compressed() ? zstd_compress(bytes, 1) : bytes;
  });
  return out;
}

struct Fetch {
  const std::map<std::string, std::string>& chunks;
  char separator;
  std::optional<std::string_view> operator()(std::span<const Dim> index) const {
    const auto found = chunks.find(zarr::chunk_key(index, separator));
    return found == chunks.end() ? std::nullopt : std::optional<std::string_view>(found->second);
  }
};

template <class T>
void read(const zarr::ArrayMetadata& metadata, const zarr::Box& box, const std::map<std::string, std::string>& chunks, Array<T>& to,
          zarr::MissingChunk missing = zarr::MissingChunk::error) {
  zarr::read_box(metadata, box, to.view(), missing, file, Fetch{chunks, metadata.keys.separator});
}

ArrayView f_ordered(const Array<float>& memory, const Shape& shape) {
  return {DType::float32, shape, f_strides(shape, 4), memory.data()};
}

}  // namespace

TEST_CASE("arrays come back from every order, byte order, compressor and chunking") {
  const auto array = Array<std::int32_t>::arange(70).reshape({7, 10});
  for (const Shape& chunks : {Shape{7, 10}, Shape{4, 6}, Shape{1, 10}, Shape{7, 3}, Shape{1, 1}, Shape{9, 11}})
    for (const Shape& transpose : {Shape{}, Shape{1, 0}})
      for (bool big_endian : {false, true})
        for (const auto& compressor : {none, zstd}) {
          auto metadata = described(DType::int32, {7, 10}, chunks);
          metadata.codecs = {transpose, big_endian, {}, compressor};
          const auto pieces = stored(array, metadata);
          Array<std::int32_t> whole({7, 10});
          zarr::read_array(metadata, whole.view(), zarr::MissingChunk::error, file, Fetch{pieces, '.'});
          CHECK(whole == array);

          Array<std::int32_t> transposed({10, 7});  // the same elements, first index fastest
          ArrayView to{DType::int32, {7, 10}, {4, 28}, transposed.data()};
          zarr::read_array(metadata, to, zarr::MissingChunk::error, file, Fetch{pieces, '.'});
          CHECK(to.at<std::int32_t>({6, 4}) == 64);
          CHECK(transposed(4, 6) == 64);

          Array<std::int32_t> box({3, 5});
          read(metadata, {{2, 4}, {3, 5}}, pieces, box);
          for (Dim i = 0; i < 3; ++i)
            for (Dim j = 0; j < 5; ++j) CHECK(box(i, j) == array(i + 2, j + 4));
        }
}

TEST_CASE("only the chunks that a box touches are fetched, each once") {
  const auto array = Array<float>::arange(24);
  const auto metadata = described(DType::float32, {24}, {5});
  const auto pieces = stored(array, metadata);
  std::string fetched;
  Array<float> box({6});
  zarr::read_box(metadata, {{9}, {6}}, box.view(), zarr::MissingChunk::error, file, [&](std::span<const Dim> index) {
    fetched += zarr::chunk_key(index, '.') + " ";
    return Fetch{pieces, '.'}(index);
  });
  CHECK(fetched == "1 2 ");
  CHECK(box == Array<float>::arange(9, 15));
}

TEST_CASE("rank 0 is one element, an array without elements reads nothing") {
  auto metadata = described(DType::float64, {}, {});
  Array<double> scalar({});
  scalar[0] = 2.5;
  const auto pieces = stored(scalar, metadata);
  CHECK(pieces.size() == 1);
  Array<double> back({});
  read(metadata, {}, pieces, back);
  CHECK(back[0] == 2.5);
  metadata = described(DType::float64, {0, 3}, {1, 3});
  Array<double> empty({0, 3});
  read(metadata, zarr::Box::whole({0, 3}), {}, empty);
}

TEST_CASE("a chunk that is not stored is the fill value, zero without one, or an error that names it") {
  auto metadata = described(DType::float32, {4}, {2});
  const auto array = Array<float>::arange(1, 5);
  auto pieces = stored(array, metadata);
  pieces.erase("1");
  Array<float> back({4});
  read(metadata, zarr::Box::whole({4}), pieces, back, zarr::MissingChunk::fill);
  CHECK(back == Array<float>::from({1, 2, 0, 0}));
  metadata.fill.emplace();
  const float fill = 1.5f;
  std::memcpy(metadata.fill->data(), &fill, sizeof fill);
  read(metadata, zarr::Box::whole({4}), pieces, back, zarr::MissingChunk::fill);
  CHECK(back == Array<float>::from({1, 2, 1.5f, 1.5f}));
  zarr::fill_chunk(metadata, Shape{0}, back.view());
  CHECK(back == Array<float>::full({4}, 1.5f));
  CHECK_THROWS_WITH_AS(read(metadata, zarr::Box::whole({4}), pieces, back), doctest::Contains("[at params.kernel/1] [file d/data]"),
                       DataLossError);
}

TEST_CASE("one chunk at a time can be decoded and placed") {
  const auto array = Array<std::int16_t>::arange(70).reshape({7, 10});
  auto metadata = described(DType::int16, {7, 10}, {4, 6});
  metadata.codecs.transpose = {1, 0};
  metadata.codecs.bytes = zstd;
  Array<std::int16_t> back({7, 10});
  zarr::Scratch scratch;
  const Shape grid = zarr::grid_extents(metadata);
  Shape index = Shape::zeros(2);
  const auto pieces = stored(array, metadata);
  do {
    zarr::read_chunk(metadata, index, pieces.at(zarr::chunk_key(index, '.')), back.view(), zarr::MissingChunk::error, scratch, file);
  } while (zarr::next_index(index, grid));
  CHECK(back == array);
}

TEST_CASE("bytes are read in place only where they are the elements as the target wants them") {
  const Array<float> memory({5, 3});
  const ArrayView c = memory.view(), f = f_ordered(memory, {5, 3});
  auto metadata = described(DType::float32, {5, 3}, {5, 3});
  CHECK(zarr::plain_chunk(metadata, c));
  CHECK_FALSE(zarr::plain_chunk(metadata, f));
  metadata.codecs.transpose = {1, 0};
  CHECK(zarr::plain_chunk(metadata, f));
  CHECK_FALSE(zarr::plain_chunk(metadata, c));
  metadata = described(DType::float32, {5, 3}, {5, 3});
  metadata.codecs.bytes = zstd;
  CHECK_FALSE(zarr::plain_chunk(metadata, c));
  metadata = described(DType::float32, {5, 3}, {5, 3});
  metadata.codecs.big_endian = true;
  CHECK_FALSE(zarr::plain_chunk(metadata, c));
  CHECK_FALSE(zarr::plain_chunk(described(DType::float32, {5, 3}, {5, 4}), c));
  CHECK_FALSE(zarr::plain_chunk(described(DType::int32, {5, 3}, {5, 3}), c));
  CHECK_FALSE(zarr::plain_chunk(described(DType::float32, {6, 3}, {6, 3}), c));  // more than the target holds
}

TEST_CASE("bools other than 0 and 1 are refused, wherever they stand in the chunk") {
  const auto metadata = described(DType::bool_, {10000}, {10000});
  for (std::size_t at : {0u, 4095u, 4096u, 9999u}) {
    std::string bytes(10000, '\1');
    Array<bool> to({10000});
    CHECK_NOTHROW(read(metadata, zarr::Box::whole({10000}), {{"0", bytes}}, to));
    bytes[at] = '\2';
    CHECK_THROWS_AS(read(metadata, zarr::Box::whole({10000}), {{"0", bytes}}, to), FormatError);
  }
}

TEST_CASE("noise in the upper bits of int4 is removed on every way into the target") {
  const std::string noise = "\xa8\x69\x5a\xbb\x4c\x5d";  // as Orbax 0.4.0 stores -8 .. -3
  const std::vector<signed char> values{-8, -7, -6, -5, -4, -3};
  const auto same = [&](const std::vector<signed char>& got) { return got == values; };
  const auto metadata = described(DType::int4, {6}, {6});
  std::vector<signed char> dense(6), spread(12), part(3);
  const auto fetch = [&](std::span<const Dim>) { return std::optional<std::string_view>(noise); };
  zarr::read_array(metadata, ArrayView::dense(DType::int4, dense.data(), {6}), zarr::MissingChunk::error, file, fetch);
  CHECK(same(dense));
  zarr::read_array(metadata, ArrayView{DType::int4, {6}, {2}, spread.data()}, zarr::MissingChunk::error, file, fetch);
  for (std::size_t i = 0; i < 6; ++i) CHECK(spread[2 * i] == values[i]);
  zarr::read_box(metadata, {{2}, {3}}, ArrayView::dense(DType::int4, part.data(), {3}), zarr::MissingChunk::error, file, fetch);
  CHECK(part == std::vector<signed char>{-6, -5, -4});
}

TEST_CASE("chunks that are too short, too long or followed by something are refused") {
  auto metadata = described(DType::float32, {4}, {4});
  Array<float> to({4});
  const auto whole = zarr::Box::whole({4});
  const std::string bytes(16, '\0');
  CHECK_THROWS_AS(read(metadata, whole, {{"0", bytes.substr(1)}}, to), DataLossError);
  CHECK_THROWS_AS(read(metadata, whole, {{"0", bytes + "x"}}, to), DataLossError);
  CHECK_THROWS_AS(read(metadata, whole, {{"0", ""}}, to), DataLossError);
  Array<float> half({2});
  CHECK_THROWS_AS(read(metadata, {{0}, {2}}, {{"0", bytes.substr(1)}}, half), DataLossError);
  metadata.codecs.bytes = zstd;
  CHECK_THROWS_AS(read(metadata, whole, {{"0", zstd_compress(bytes + "x")}}, to), FormatError);
  CHECK_THROWS_AS(read(metadata, whole, {{"0", zstd_compress(bytes.substr(1))}}, to), FormatError);
  CHECK_THROWS_AS(read(metadata, whole, {{"0", zstd_compress(bytes) + "x"}}, to), FormatError);
  CHECK_THROWS_AS(read(metadata, whole, {{"0", ""}}, to), FormatError);
  CHECK_THROWS_WITH_AS(read(metadata, whole, {{"0", bytes}}, to), doctest::Contains("params.kernel/0"), FormatError);
}

TEST_CASE("no room is made for a chunk that its stored bytes cannot fill") {
  auto metadata = described(DType::float32, {8}, {Dim{1} << 60});
  metadata.codecs.bytes = zstd;
  Array<float> to({8});
  CHECK_FALSE(zarr::is_plausible(metadata, 1000));
  metadata.codecs.bytes = {{zarr::Codec::bz2}};  // not read, but asked about before an array is made
  CHECK_FALSE(zarr::is_plausible(metadata, 1000));
  metadata.codecs.bytes = zstd;
  CHECK_THROWS_AS(read(metadata, zarr::Box::whole({8}), {{"0", zstd_compress(std::string(32, '\0'))}}, to), FormatError);
  metadata.codecs.bytes = none;
  CHECK_THROWS_AS(read(metadata, zarr::Box::whole({8}), {{"0", std::string(32, '\0')}}, to), DataLossError);
  // The most that zstd can do is plausible.
  auto zeros = described(DType::uint8, {1}, {64 << 20});
  zeros.codecs.bytes = zstd;
  CHECK(zarr::is_plausible(zeros, zstd_compress(std::string(64 << 20, '\0')).size()));
}

TEST_CASE("a target of another dtype or shape is refused") {
  const auto metadata = described(DType::float32, {4}, {4});
  Array<double> wide({4});
  Array<float> longer({5});
  CHECK_THROWS_AS(read(metadata, zarr::Box::whole({4}), {}, wide), ArgumentError);
  CHECK_THROWS_AS(read(metadata, zarr::Box::whole({4}), {}, longer), ArgumentError);
  CHECK_THROWS_AS(read(metadata, {{2}, {5}}, {}, longer), ArgumentError);
}
