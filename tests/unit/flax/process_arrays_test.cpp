#include "orrery/flax/process_arrays.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstdio>
#include <map>
#include <string>

#include "orrery/flax.hpp"
#include "storage/scratch.hpp"

using namespace orrery;
namespace fx = orrery::flax;
using storage_test::ScratchDirectory;

namespace {

void write(const std::string& path, std::string_view text) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  REQUIRE(file);
  std::fwrite(text.data(), 1, text.size(), file);
  std::fclose(file);
}

std::string zarray(const std::string& shape, const std::string& chunks) {
  return R"({"chunks":)" + chunks +
         R"(,"compressor":null,"dimension_separator":".","dtype":"<f4","fill_value":null,"filters":null,"order":"C","shape":)" + shape +
         R"(,"zarr_format":2})";
}
std::string two(float a, float b) {
  const float elements[] = {a, b};
  return {reinterpret_cast<const char*>(elements), sizeof elements};
}

// checkpoint_3 with a placeholder at params/w, and that array of (2, 2), a row a process.
Tree saved(const std::string& directory, const std::string& placeholder = "//GDAPlaceholder:params/w") {
  Tree state = Tree::dict();
  state["params"]["w"] = placeholder;
  state["plain"] = Array<float>::from({5});
  state["step"] = std::int64_t{3};
  fx::save_checkpoint(directory, state, 3, {.overwrite = true, .backend = fx::Backend::msgpack});
  storage::make_directories(directory + "/checkpoint_3_gda/params/w");
  write(directory + "/checkpoint_3_gda/params/w/.zarray", zarray("[2,2]", "[1,2]"));
  write(directory + "/checkpoint_3_gda/params/w/0.0", two(1, 2));
  write(directory + "/checkpoint_3_gda/params/w/1.0", two(3, 4));
  return state;
}

struct State {
  std::map<std::string, AnyArray> params{};
  Array<float> plain{};
  std::int64_t step = 0;
};

}  // namespace

TEST_CASE("a target has the arrays of several processes put together; without one they are the strings that stand for them") {
  ScratchDirectory root;
  const Tree raw = saved(root.path());
  CHECK(fx::restore_checkpoint(root.path()) == raw);
  const State state = fx::restore_checkpoint<State>(root.path());
  CHECK(state.params.at("w").values<float>()[3] == 4);
  CHECK(state.params.at("w").shape() == Shape{2, 2});
  CHECK(state.plain == Array<float>::from({5}));
  CHECK(state.step == 3);
  const State given = fx::restore_checkpoint(root.path(), State{{{"w", AnyArray::zeros(DType::float32, {2, 2})}}, {}, 0}, {.step = 3});
  CHECK(given.params.at("w") == state.params.at("w"));
  struct Double {
    struct {
      Array<double> w{};
    } params{};
    Array<float> plain{};
    std::int64_t step = 0;
  };
  CHECK(fx::restore_checkpoint<Double>(root.path()).params.w.at({1, 0}) == 3);
}

TEST_CASE("a target of another kind is refused as for any array, and leaves it as it was") {
  ScratchDirectory root;
  saved(root.path());
  struct Text {
    std::map<std::string, std::string> params{};
    Array<float> plain{};
    std::int64_t step = 0;
  };
  CHECK_THROWS_AS(fx::restore_checkpoint<Text>(root.path()), Error);
}

TEST_CASE("a placeholder that is the whole file stays a string to who wants a string") {
  ScratchDirectory root;
  fx::save_checkpoint(root.path(), std::string("//GDAPlaceholder:"), 0, {.backend = fx::Backend::msgpack});
  CHECK(fx::restore_checkpoint<std::string>(root.path()) == "//GDAPlaceholder:");
  CHECK_THROWS_AS(fx::restore_checkpoint<Array<float>>(root.path()), DataLossError);
  storage::make_directory(root / "checkpoint_0_gda");
  write(root / "checkpoint_0_gda/.zarray", zarray("[2]", "[2]"));
  write(root / "checkpoint_0_gda/0", two(1, 2));
  CHECK(fx::restore_checkpoint<Array<float>>(root.path()) == Array<float>::from({1, 2}));
}

TEST_CASE("a missing chunk is zeros, as TensorStore has it, a missing array an error that names the folder") {
  ScratchDirectory root;
  saved(root.path());
  storage::remove_file(root / "checkpoint_3_gda/params/w/0.0");
  CHECK(fx::restore_checkpoint<State>(root.path()).params.at("w").values<float>()[1] == 0);
  storage::remove_tree(root / "checkpoint_3_gda/params/w");
  CHECK_THROWS_WITH_AS(fx::restore_checkpoint<State>(root.path()),
                       doctest::Contains("checkpoint_3_gda, which must lie beside the checkpoint"), DataLossError);
}

TEST_CASE("files that lie are refused before memory is taken") {
  ScratchDirectory root;
  saved(root.path(), "//GDAPlaceholder:params/other");
  CHECK_THROWS_WITH_AS(fx::restore_checkpoint<State>(root.path()), doctest::Contains("expected the placeholder of this very path"),
                       FormatError);
  saved(root.path());
  const std::string array = root / "checkpoint_3_gda/params/w";
  write(array + "/.zarray", "{}");
  CHECK_THROWS_AS(fx::restore_checkpoint<State>(root.path()), FormatError);
  write(array + "/.zarray", zarray("[1099511627776]", "[1099511627776]"));
  CHECK_THROWS_AS(fx::restore_checkpoint<State>(root.path()), DataLossError);
  write(array + "/.zarray", zarray("[1099511627776]", "[1]"));
  CHECK_THROWS_AS(fx::restore_checkpoint<State>(root.path()), DataLossError);
  write(array + "/.zarray", zarray("[4611686018427387904,4]", "[1,1]"));
  CHECK_THROWS_AS(fx::restore_checkpoint<State>(root.path()), Error);
  write(array + "/.zarray", zarray("[2,2]", "[1,2]"));
  write(array + "/1.0", "short");
  CHECK_THROWS_WITH_AS(fx::restore_checkpoint<State>(root.path()), doctest::Contains("has 5 bytes, which cannot hold 8"), DataLossError);
  write(array + "/1.0", two(1, 2) + "more");
  CHECK_THROWS_AS(fx::restore_checkpoint<State>(root.path()), DataLossError);
}

TEST_CASE("no placeholder leads out of the folder") {
  ScratchDirectory root;
  Tree state = Tree::dict();
  state[".."]["w"] = std::string("//GDAPlaceholder:../w");
  fx::save_checkpoint(root.path(), state, 0, {.backend = fx::Backend::msgpack});
  storage::make_directories(root / "checkpoint_0_gda");
  storage::make_directories(root / "w");
  write(root / "w/.zarray", zarray("[2]", "[2]"));
  write(root / "w/0", two(1, 2));
  using Target = std::map<std::string, std::map<std::string, Array<float>>>;
  CHECK_THROWS_AS(fx::restore_checkpoint<Target>(root.path()), DataLossError);
}
