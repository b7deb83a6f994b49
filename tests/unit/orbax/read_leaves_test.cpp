// Items whose arrays are not plain: many chunks, codecs, shards, zarr v3; made by hand with every chunk in a file of its own.
#include "orrery/orbax/read_leaves.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "item_files.hpp"

namespace {

using namespace item_files;

// How the bytes of a chunk are stored.
using Encode = std::function<std::string(std::string_view)>;
std::string plain(std::string_view bytes) { return std::string(bytes); }
std::string zstd(std::string_view bytes) { return zstd_compress(bytes, 1); }
std::string sealed(std::string_view bytes) {
  std::string out(bytes);
  ByteWriter(out).u32le(crc32c(out.data(), out.size()));
  return out;
}
std::string in_shard(std::string_view bytes) { return std::string(bytes) + zarr::one_chunk_index(bytes.size()); }

zarr::ArrayMetadata described(const AnyArray& array, const Shape& chunks, std::vector<zarr::ByteCodec> bytes = {}) {
  zarr::ArrayMetadata metadata;
  metadata.shape = array.view().shape;
  metadata.chunks = chunks;
  metadata.dtype = array.view().dtype;
  metadata.keys = zarr::KeyEncoding::v3();
  metadata.codecs.bytes = std::move(bytes);
  return metadata;
}

class Item {
 public:
  // `complete`: it promises that no chunk is missing.
  explicit Item(bool complete = true) : complete_(complete) { storage::make_directories(path()); }
  std::string path() const { return scratch_ / "item"; }

  // An array in zarr v3.
  void add(const std::string& name, const AnyArray& array, const zarr::ArrayMetadata& metadata, const Encode& encode) {
    const std::string directory = path() + "/" + name;
    storage::make_directories(directory);
    write(directory + "/zarr.json", zarr::to_json_v3(metadata));
    zarr::for_each_chunk(metadata.shape, metadata.chunks, zarr::Box::whole(metadata.shape), [&](const Shape& index, const zarr::Box& part) {
      std::string bytes(metadata.chunk_bytes(), '\0');
      ArrayView chunk = ArrayView::dense(metadata.dtype, bytes.data(), metadata.chunks);
      chunk.shape = part.extents;
      copy(part_of(array.view(), part), chunk);
      const std::string file = directory + "/" + zarr::chunk_key(index, metadata.keys);
      storage::make_directories(file.substr(0, file.rfind('/')));
      write(file, encode(bytes));
    });
    entries_ += std::string(entries_.empty() ? "" : ", ") + "\"('" + name + "',)\": {\"key_metadata\": [{\"key\": \"" + name +
                "\", \"key_type\": 2}], \"value_metadata\": {\"value_type\": \"np.ndarray\", \"skip_deserialize\": false}}";
    write(path() + "/_METADATA", "{\"tree_metadata\": {" + entries_ + "}, \"use_ocdbt\": false, \"use_zarr3\": true" +
                                     (complete_ ? ", \"store_array_data_equal_to_fill_value\": true}" : "}"));
  }

 private:
  ScratchDirectory scratch_{};
  bool complete_;
  std::string entries_{};
};

const PyTreeCheckpointer checkpointer;

AnyArray numbers(const Shape& shape) {
  return AnyArray(Array<float>::arange(checked_count(shape).value()).reshape(shape));
}
std::string bytes_of(const ArrayView& view) {
  std::string bytes(view.nbytes(), '\0');
  copy(view, bytes.data());
  return bytes;
}
bool same(const Tree& restored, const AnyArray& array) { return bytes_of(restored.array().view()) == bytes_of(array.view()); }

}  // namespace

TEST_CASE("many chunks of many leaves are decoded, by several threads where there is much to do") {
  Item item;
  std::vector<AnyArray> arrays;
  for (int i = 0; i < 6; ++i) {
    arrays.push_back(numbers({300, 500 + i}));
    item.add("a" + std::to_string(i), arrays.back(), described(arrays.back(), {64, 300}, {{zarr::Codec::zstd, 1}}), zstd);
  }
  const Tree tree = checkpointer.restore(item.path());
  for (int i = 0; i < 6; ++i) CHECK(same(tree["a" + std::to_string(i)], arrays[static_cast<std::size_t>(i)]));
}

TEST_CASE("a damaged chunk among many is named with its leaf and file") {
  Item item;
  const AnyArray array = numbers({400, 400});
  item.add("good", array, described(array, {50, 50}, {{zarr::Codec::zstd, 1}}), zstd);
  item.add("bad", array, described(array, {50, 50}, {{zarr::Codec::crc32c}, {zarr::Codec::zstd, 1}}), [](std::string_view bytes) { return zstd(sealed(bytes)); });
  CHECK_NOTHROW(checkpointer.restore(item.path()));
  const std::string chunk = item.path() + "/bad/c/3/4";
  write(chunk, zstd(sealed(std::string(10000, 'x')).replace(17, 1, "y")));
  try {
    checkpointer.restore(item.path());
    FAIL("this was restored");
  } catch (const DataLossError& error) {
    CHECK(error.file() == chunk);
    CHECK(error.key_path() == "bad");
  }
}

TEST_CASE("plain chunks, alone, with a checksum and in shards, large and small, come back; their checksums count") {
  for (const Dim rows : {Dim{3}, Dim{1200}}) {
    Item item;
    const AnyArray array = numbers({rows, 300});
    const Shape whole = array.view().shape;
    item.add("alone", array, described(array, whole), plain);
    item.add("sealed", array, described(array, whole, {{zarr::Codec::crc32c}}), sealed);
    zarr::ArrayMetadata shard = described(array, whole);
    shard.codecs = zarr::one_chunk_shards(whole, {});
    item.add("shard", array, shard, in_shard);
    shard.codecs.sharding[0].codecs.bytes = {{zarr::Codec::crc32c}};
    item.add("sealed_shard", array, shard, [](std::string_view bytes) { return in_shard(sealed(bytes)); });
    shard.codecs.sharding[0].codecs.bytes = {{zarr::Codec::zstd, 3}};
    item.add("zstd_shard", array, shard, [](std::string_view bytes) { return in_shard(zstd(bytes)); });
    const Tree tree = checkpointer.restore(item.path());
    for (const char* name : {"alone", "sealed", "shard", "sealed_shard", "zstd_shard"}) CHECK(same(tree[name], array));

    for (const char* name : {"sealed", "sealed_shard"}) {
      const std::string chunk = item.path() + "/" + name + "/c/0/0";
      flip(chunk, 1000);
      CHECK_THROWS_WITH_AS(checkpointer.restore(item.path()), doctest::Contains(name), DataLossError);
      flip(chunk, 1000);
    }
    const std::string chunk = item.path() + "/shard/c/0/0";
    const std::size_t index = array.view().nbytes();
    for (const std::size_t at : {index, index + 8, index + 19}) {
      flip(chunk, at);
      CHECK_THROWS_WITH_AS(checkpointer.restore(item.path()), doctest::Contains("shard"), DataLossError);
      flip(chunk, at);
    }
    CHECK_NOTHROW(checkpointer.restore(item.path()));
  }
}

TEST_CASE("a checksum inside of the array is verified by the range it covers, without any side file") {
  Item item;
  const AnyArray array(Array<bool>({5}));
  item.add("flags", array, described(array, {5}, {{zarr::Codec::crc32c}}), sealed);
  CHECK(same(checkpointer.restore(item.path())["flags"], array));
  write(item.path() + "/flags/c/0", sealed("\0\1\2\0\0"));
  CHECK_THROWS_AS(checkpointer.restore(item.path()), Error);
}

TEST_CASE("a missing chunk is an error where the item promises all, and zero where it does not; sub-chunks too") {
  const AnyArray array = numbers({4, 4});
  for (const bool complete : {true, false}) {
    Item item(complete);
    zarr::ArrayMetadata shard = described(array, {4, 4});
    shard.codecs = zarr::one_chunk_shards({4, 4}, {});
    item.add("shard", array, shard, in_shard);
    item.add("chunks", array, described(array, {2, 4}), plain);
    std::string index(16, '\xff');
    ByteWriter(index).u32le(crc32c(index.data(), index.size()));
    write(item.path() + "/shard/c/0/0", index);
    if (complete) {
      CHECK_THROWS_WITH_AS(checkpointer.restore(item.path()), doctest::Contains("sub-chunk"), DataLossError);
    } else {
      storage::remove_file(item.path() + "/chunks/c/1/0");
      const Tree tree = checkpointer.restore(item.path());
      CHECK(bytes_of(tree["shard"].array().view()) == std::string(64, '\0'));
      CHECK(bytes_of(tree["chunks"].array().view()) == bytes_of(array.view()).substr(0, 32) + std::string(32, '\0'));
    }
  }
}

TEST_CASE("chunks are converted on the way into a target of another dtype") {
  Item item;
  const AnyArray array = numbers({40, 30});
  item.add("a", array, described(array, {7, 30}, {{zarr::Codec::zstd, 1}}), zstd);
  struct State {
    Array<double> a;
  };
  const State state = checkpointer.restore<State>(item.path());
  CHECK(state.a.size() == 1200);
  CHECK(state.a(39, 29) == 1199.0);
}

TEST_CASE("a checkpoint of Orbax's API v1 is its item, named state or pytree") {
  for (const char* name : {"state", "pytree"}) {
    const ScratchDirectory scratch;
    Item item;
    const AnyArray array = numbers({3});
    item.add("a", array, described(array, {3}), plain);
    const std::string path = scratch / "v1";
    storage::make_directories(path);
    storage::rename(item.path(), path + "/" + name);
    CHECK_THROWS_AS(checkpointer.restore(path), NotFoundError);
    write(path + "/orbax.checkpoint", "");
    CHECK(same(checkpointer.restore(path)["a"], array));
  }
}
