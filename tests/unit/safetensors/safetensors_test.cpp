#include "orrery/safetensors.hpp"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "orrery/adapters/eigen.hpp"
#include "orrery/optax.hpp"
#include "storage/scratch.hpp"

using namespace orrery;
namespace st = orrery::safetensors;

namespace {

struct Dense {
  Eigen::VectorXf bias{};
  Eigen::MatrixXf kernel{};
};
struct State {
  std::int64_t step = 0;
  float scale = 1;
  std::map<std::string, Dense> params{};
  std::vector<Array<bfloat16>> data{};
  std::optional<Array<double>> ema{};
  std::tuple<optax::EmptyState, optax::TraceState<std::map<std::string, Dense>>> opt_state{};
  std::vector<bool> mask{};
};

State example() {
  State state;
  state.step = 7;
  state.scale = 0.5f;
  const Dense dense{Eigen::VectorXf::LinSpaced(3, 0, 1), Eigen::MatrixXf::Random(5, 3)};
  state.params = {{"encoder.0", dense}, {"head", dense}};
  state.data = {Array<bfloat16>::arange(4), Array<bfloat16>()};
  std::get<1>(state.opt_state).trace = state.params;
  state.mask = {true, false, true};
  return state;
}
void check_same(const State& a, const State& b) {
  CHECK(a.step == b.step);
  CHECK(a.scale == b.scale);
  CHECK(a.data == b.data);
  CHECK(a.ema == b.ema);
  CHECK(a.mask == b.mask);
  REQUIRE(a.params.size() == b.params.size());
  for (const auto& [name, dense] : a.params) {
    CHECK(dense.kernel == b.params.at(name).kernel);
    CHECK(dense.bias == b.params.at(name).bias);
    CHECK(dense.kernel == std::get<1>(b.opt_state).trace.at(name).kernel);
  }
}

}  // namespace

TEST_CASE("a state comes back from its file, by its type and into a target") {
  const storage_test::ScratchDirectory scratch;
  const State state = example();
  st::save_file(state, scratch / "m.safetensors", {.metadata = {{"format", "pt"}}});
  check_same(state, st::load_file<State>(scratch / "m.safetensors"));
  State target = example();
  target.step = 0;
  target.params["head"].kernel.setZero();
  check_same(state, st::load_file(scratch / "m.safetensors", target));
  check_same(state, st::load_file<State>(scratch / "m.safetensors", std::move(target)));
  CHECK(st::load_metadata(scratch / "m.safetensors") == st::Metadata{{"format", "pt"}});
}

TEST_CASE("a raw load has the flat names of the file, sorted, and what is written again is the same file") {
  const storage_test::ScratchDirectory scratch;
  st::save_file(example(), scratch / "a", {.metadata = {{"b", "2"}, {"a", "1"}}});
  st::Metadata metadata;
  RestoreReport report;
  const Tree tree = st::load_file(scratch / "a", {.report = &report, .metadata = &metadata});
  CHECK(tree.keys() == std::vector<std::string>{"data.0", "data.1", "mask", "opt_state.1.trace.encoder.0.bias",
                                                "opt_state.1.trace.encoder.0.kernel", "opt_state.1.trace.head.bias",
                                                "opt_state.1.trace.head.kernel", "params.encoder.0.bias", "params.encoder.0.kernel",
                                                "params.head.bias", "params.head.kernel", "scale", "step"});
  CHECK(report.restored().size() == 13);
  CHECK(tree["step"].shape().empty());
  CHECK(tree["step"].dtype() == DType::int64);
  CHECK(tree["params.head.kernel"] == tree["opt_state.1.trace.head.kernel"]);
  st::save_file(tree, scratch / "b", {.metadata = metadata});
  CHECK(storage_test::contents(scratch / "a") == storage_test::contents(scratch / "b"));
  CHECK(st::save(tree, metadata) == storage_test::contents(scratch / "a"));
  CHECK(st::load(st::save(tree)) == tree);
  const State state = example();
  check_same(state, st::load<State>(st::save(state)));
}

TEST_CASE("every dtype of the format keeps its bytes") {
  Tree tree = Tree::dict();
  for (const auto& [code, dtype] : st::detail::dtype_codes) {
    AnyArray array = AnyArray::zeros(dtype, {2, 3});
    auto* bytes = static_cast<unsigned char*>(array.data());
    for (std::size_t i = 0; i < array.nbytes(); ++i) bytes[i] = dtype == DType::bool_ ? i % 2 : static_cast<unsigned char>(17 * i + 3);
    tree.insert({std::string(code)}, Tree(std::move(array)));
  }
  CHECK(st::load(st::save(tree)) == tree);
}

TEST_CASE("any byte but zero of a stored bool is true") {
  Tree tree = Tree::dict();
  tree["b"] = Array<bool>::full({4}, true);
  std::string bytes = st::save(tree);
  bytes.replace(bytes.size() - 4, 4, std::string("\x02\x00\xff\x01", 4));
  const Tree read = st::load(bytes);
  CHECK(std::vector<bool>(read["b"].array().values<bool>().begin(), read["b"].array().values<bool>().end()) ==
        std::vector<bool>{true, false, true, true});
  CHECK(st::save(read).substr(bytes.size() - 4) == std::string("\x01\x00\x01\x01", 4));
}

TEST_CASE("strided arrays are written in C order, and large ones come through unchanged") {
  const storage_test::ScratchDirectory scratch;
  Eigen::MatrixXf matrix(700, 900);
  for (int i = 0; i < matrix.size(); ++i) matrix.data()[i] = static_cast<float>(i);
  st::save_file(std::map<std::string, Eigen::MatrixXf>{{"m", matrix}}, scratch / "m", {.durability = Durability::fast});
  const Tree tree = st::load_file(scratch / "m");
  CHECK(tree["m"].array().at<float>({0, 1}) == matrix(0, 1));
  CHECK(tree["m"].array().at<float>({699, 898}) == matrix(699, 898));
  CHECK(st::load_file<std::map<std::string, Eigen::MatrixXf>>(scratch / "m").at("m") == matrix);
}

TEST_CASE("what does not fit is listed as a whole, and casts are made where they are asked for") {
  const storage_test::ScratchDirectory scratch;
  st::save_file(std::map<std::string, Array<float>>{{"bias", Array<float>({2})}, {"extra", Array<float>({1})}}, scratch / "m");
  struct Model {
    Array<float> bias{}, kernel{};
    std::vector<Array<float>> more{};
    std::optional<Array<float>> ema{};
  };
  try {
    st::load_file<Model>(scratch / "m", {.allow_extra = false});
    FAIL("it fits");
  } catch (const KeyError& error) {
    REQUIRE(error.missing().size() == 1);
    CHECK(error.missing()[0].path == "kernel");
    REQUIRE(error.extra().size() == 1);
    CHECK(error.extra()[0].path == "extra");
    CHECK(error.file() == scratch / "m");
  }
  struct Small {
    Array<std::int32_t> bias{};
  };
  CHECK_THROWS_AS(st::load_file<Small>(scratch / "m"), DTypeError);
  RestoreReport report;
  CHECK(st::load_file<Small>(scratch / "m", {.cast = true, .report = &report}).bias.size() == 2);
  CHECK(report.ignored() == std::vector<std::string>{"extra"});
  CHECK(report.count(LeafAction::cast) == 1);
  CHECK_THROWS_AS(st::load_file<std::vector<Array<float>>>(scratch / "m", {.allow_extra = false}), StructureError);
  CHECK(st::load_file<std::vector<Array<float>>>(scratch / "m", {.report = &report}).empty());
  CHECK(report.ignored() == std::vector<std::string>{"bias", "extra"});
}

TEST_CASE("a file is replaced at once or not at all, and kept where overwrite is false") {
  const storage_test::ScratchDirectory scratch;
  const std::map<std::string, Array<float>> one{{"a", Array<float>({1})}}, two{{"b", Array<float>({2})}};
  st::save_file(one, scratch / "m");
  CHECK_THROWS_AS(st::save_file(two, scratch / "m", {.overwrite = false}), AlreadyExistsError);
  CHECK(st::load_file(scratch / "m").contains("a"));
  CHECK_THROWS_AS(st::save_file(std::map<std::string, std::string>{{"a", "text"}}, scratch / "m"), ArgumentError);
  CHECK(st::load_file(scratch / "m").contains("a"));
  st::save_file(two, scratch / "m");
  CHECK(st::load_file(scratch / "m").contains("b"));
  CHECK(storage::list_directory(scratch.path()).size() == 1);
  CHECK_THROWS_AS(st::save_file(two, "gs://bucket/m"), ArgumentError);
  CHECK_THROWS_AS(st::load_file("gs://bucket/m"), ArgumentError);
  CHECK_THROWS_AS(st::load_file(scratch / "none"), NotFoundError);
}

TEST_CASE("every truncation of a file is refused, whatever is cut off") {
  const storage_test::ScratchDirectory scratch;
  const std::string bytes = st::save(std::map<std::string, Array<float>>{{"a", Array<float>({3})}, {"b", Array<float>({})}});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CHECK_THROWS_AS(st::load(bytes.substr(0, size)), FormatError);
    storage::write_file(scratch / "cut", bytes.substr(0, size));
    CHECK_THROWS_AS(st::load_file(scratch / "cut"), FormatError);
  }
  CHECK_THROWS_AS(st::load(bytes + "x"), FormatError);
}
