#include "orrery/orbax/mapped_tree.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "item_files.hpp"

namespace {

using namespace item_files;
const SaveOptions fast{.durability = Durability::fast};
const PyTreeCheckpointer checkpointer;

struct State {
  std::int64_t step = 3;
  std::string name = "text";
  Array<float> w = Array<float>::arange(6);
  Array<double> big = Array<double>::arange(5000);
  std::vector<bool> mask{true, false};
  std::tuple<> empty{};
  std::vector<Array<std::int32_t>> list{Array<std::int32_t>::arange(3), Array<std::int32_t>::arange(4)};
};

// Counts what is read and mapped.
struct Counter final : storage::FileSystemHook {
  std::size_t maps = 0, read_bytes = 0;
  int before(storage::FileCall& call) noexcept override {
    maps += call.operation == storage::FileOperation::map;
    if (call.operation == storage::FileOperation::read) read_bytes += call.bytes;
    return 0;
  }
};

}  // namespace

TEST_CASE("a mapped tree shows what a restore gives, and its plain leaves lie in the file") {
  ScratchDirectory scratch;
  checkpointer.save(scratch / "item", State{}, fast);
  const MappedTree view = checkpointer.restore_mapped(scratch / "item");
  CHECK(view.copy() == checkpointer.restore(scratch / "item"));
  CHECK(view.keys() == std::vector<std::string>{"big", "empty", "list", "mask", "name", "step", "w"});
  CHECK(view["w"].is_mapped());
  CHECK(view["big"].is_mapped());
  CHECK(view["list"][1].is_mapped());
  CHECK_FALSE(view["mask"].is_mapped());  // bools are checked to be 0 or 1
  CHECK_FALSE(view["step"].is_mapped());
  CHECK(view["step"].scalar<int>() == 3);
  CHECK(view["name"].string() == "text");
  CHECK(view["empty"].is_none());
  CHECK(view["list"].size() == 2);
  CHECK(view["big"].array().values<double>()[4999] == 4999);
  CHECK(view["w"].array().at<float>({5}) == 5);
  CHECK(view.find("nothing") == std::nullopt);
  CHECK_THROWS_AS(view["nothing"], KeyError);
  CHECK_THROWS_AS(view["list"][2], ArgumentError);
  CHECK_THROWS_AS(view["name"].array(), ArgumentError);
}

TEST_CASE("any handle keeps the files mapped, also when the checkpoint is replaced or gone") {
  ScratchDirectory scratch;
  checkpointer.save(scratch / "item", State{}, fast);
  const MappedTree big = checkpointer.restore_mapped(scratch / "item")["big"];
  State other;
  other.big = Array<double>({5000});
  checkpointer.save(scratch / "item", other, {.force = true, .durability = Durability::fast});
  storage::remove_tree(scratch / "item");
  CHECK(big.array().values<double>()[17] == 17);
}

TEST_CASE("column-major arrays are mapped as they lie") {
  ScratchDirectory scratch;
  const std::vector<float> elements{1, 2, 3, 4, 5, 6};  // (2, 3), first index fastest
  Tree tree = Tree::dict();
  const ArrayView columns{DType::float32, Shape{2, 3}, Shape{4, 8}, elements.data()};
  TreeView described;
  described.leaves.push_back({LeafKind::array, 0, columns, {}});
  described.nodes = {{NodeKind::dict, {}, 1, 2}, {NodeKind::leaf, "w", 0, 2}};
  orbax::save_item(scratch / "item", described, fast);
  const MappedTree w = checkpointer.restore_mapped(scratch / "item")["w"];
  CHECK(w.is_mapped());
  CHECK(w.array().at<float>({1, 0}) == 2);
  CHECK(w.array().at<float>({0, 2}) == 5);
  CHECK(w.copy() == checkpointer.restore(scratch / "item")["w"]);
}

TEST_CASE("opening reads no mapped payload, and a damaged one is found by verify alone") {
  ScratchDirectory scratch;
  Tree state = Tree::dict();
  state["w"] = Array<float>::full({1 << 20}, 1.0f);
  checkpointer.save(scratch / "item", state, {.compression = Compression::none(), .durability = Durability::fast});
  const Place payload = place(scratch / "item", "w/0");
  Counter counter;
  {
    storage::ScopedFileSystemHook installed(counter);
    const MappedTree view = checkpointer.restore_mapped(scratch / "item");
    CHECK(view.verify() == 1);
  }
  CHECK(counter.maps <= 3);  // manifest, node and data files at most
  CHECK(counter.read_bytes < 20000);
  flip(payload.path, payload.offset + 1000);
  const MappedTree damaged = checkpointer.restore_mapped(scratch / "item");
  CHECK_THROWS_WITH_AS(damaged.verify(), doctest::Contains("at w"), DataLossError);
}

TEST_CASE("what has to be decoded is read and verified while opening") {
  ScratchDirectory scratch;
  State state;
  checkpointer.save(scratch / "item", state, fast);
  const Place mask = place(scratch / "item", "mask/0");
  flip(mask.path, mask.offset);
  CHECK_THROWS_AS(checkpointer.restore_mapped(scratch / "item"), DataLossError);
  CHECK_THROWS_AS(checkpointer.restore_mapped(scratch / "nowhere"), NotFoundError);
}
