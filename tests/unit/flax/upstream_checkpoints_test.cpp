// What Flax's own checkpoints_test.py promises (spec/flax-legacy.md 9.1). T-C1 and T-C2 are in checkpoint_names_test.cpp, T-C16 in
// convert_pre_linen_test.cpp. Not taken over: path objects (T-C3: paths are strings here) and the two error classes of T-C4, which are
// one here.
#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "guide_state.hpp"
#include "orrery/flax.hpp"

using namespace orrery;
namespace fx = orrery::flax;
using fx::Backend;
using Names = std::vector<std::string>;

namespace {

struct Object {
  Array<std::int32_t> a = Array<std::int32_t>::full({3}, 0);
  Array<std::int32_t> b = Array<std::int32_t>::full({3}, 0);
  friend bool operator==(const Object&, const Object&) = default;
};
Object object(std::int32_t value) { return {Array<std::int32_t>::full({3}, value), Array<std::int32_t>::full({3}, value)}; }

struct Point {
  std::int64_t x = 0;
  fx::FrozenDict<Array<float>> y{};
};

fx::SaveCheckpointOptions options(Backend backend, std::int64_t keep = 1, bool overwrite = false) {
  return {.prefix = "test_", .keep = keep, .overwrite = overwrite, .backend = backend, .durability = Durability::fast};
}
constexpr Backend backends[] = {Backend::orbax, Backend::msgpack};

void touch(const std::string& path) { std::ofstream(path) << "x"; }

}  // namespace

TEST_CASE("T-C3: every save is the newest, as many as are to be kept stay, and each of them is found by step and by path") {
  for (Backend backend : backends) {
    guide::TemporaryDirectory root;
    const fx::RestoreCheckpointOptions test{.prefix = "test_"};
    CHECK(fx::restore_checkpoint(root.path(), object(7), test) == object(7));
    for (int step : {0, 1, 2}) {
      fx::save_checkpoint(root.path(), object(step), step, options(backend));
      CHECK(fx::restore_checkpoint(root.path(), object(7), test) == object(step));
    }
    CHECK(root.names() == Names{"test_2"});
    for (int step : {3, 4}) fx::save_checkpoint(root.path(), object(step), step, options(backend, 2));
    CHECK(fx::restore_checkpoint(root.path(), object(7), test) == object(4));
    CHECK(fx::restore_checkpoint(root.path(), object(7), {.step = 3, .prefix = "test_"}) == object(3));
    CHECK(fx::restore_checkpoint(root / "test_3", object(7), test) == object(3));
    CHECK(fx::restore_checkpoint(root / "test_not_there", object(7), test) == object(7));
    CHECK_THROWS_AS(fx::restore_checkpoint(root.path(), object(7), {.step = 5, .prefix = "test_"}), NotFoundError);
  }
}

TEST_CASE("T-C4: a step is replaced with overwrite alone, and slashes at the end of a directory do no harm") {
  for (Backend backend : backends) {
    guide::TemporaryDirectory root;
    fx::save_checkpoint(root.path(), object(0), 0, options(backend));
    CHECK_THROWS_AS(fx::save_checkpoint(root.path(), object(1), 0, options(backend)), AlreadyExistsError);
    CHECK(fx::restore_checkpoint(root / "test_0", Object{}) == object(0));
    fx::save_checkpoint(root.path(), object(1), 0, options(backend, 1, true));
    CHECK(fx::restore_checkpoint(root.path(), Object{}, {.prefix = "test_"}) == object(1));
    fx::save_checkpoint(root.path() + "//", object(2), 1, options(backend, 4));
    CHECK(fx::restore_checkpoint(root.path() + "//", Object{}, {.prefix = "test_"}) == object(2));
    CHECK(root.names() == Names{"test_0", "test_1"});
  }
}

TEST_CASE("T-C5: the last three stay, and with keep_every_n_steps one of the old ones too") {
  guide::TemporaryDirectory orbax, msgpack;
  for (int step : {17, 22, 27, 32}) {
    fx::save_checkpoint(orbax.path(), object(step), step, options(Backend::orbax, 3));
    fx::SaveCheckpointOptions every_seventh = options(Backend::msgpack, 3);
    every_seventh.keep_every_n_steps = 7;
    fx::save_checkpoint(msgpack.path(), object(step), step, every_seventh);
  }
  CHECK_THROWS_AS(fx::restore_checkpoint(orbax.path(), Object{}, {.step = 17, .prefix = "test_"}), NotFoundError);
  CHECK(fx::available_steps(orbax.path(), "test_") == std::vector<std::int64_t>{22, 27, 32});
  CHECK(fx::restore_checkpoint(msgpack.path(), Object{}, {.step = 17, .prefix = "test_"}) == object(17));
  CHECK(fx::available_steps(msgpack.path(), "test_") == std::vector<std::int64_t>{17, 22, 27, 32});
}

TEST_CASE("T-C6: steps may be floats") {
  for (Backend backend : backends) {
    guide::TemporaryDirectory root;
    fx::save_checkpoint(root.path(), object(0), 0.0, options(backend));
    CHECK(root.names() == Names{"test_0.0"});
    fx::save_checkpoint(root.path(), object(2), 2.0, options(backend, 1));
    CHECK(fx::restore_checkpoint(root.path(), Object{}, {.prefix = "test_"}) == object(2));
    fx::save_checkpoint(root.path(), object(3), 3.0, options(backend, 2));
    CHECK(root.names() == Names{"test_2.0", "test_3.0"});
    CHECK(fx::restore_checkpoint(root.path(), Object{}, {.step = 2.0, .prefix = "test_"}) == object(2));
  }
}

TEST_CASE("T-C7: without a target a dict comes back as it was, a tuple as the dict of its positions") {
  for (Backend backend : backends) {
    guide::TemporaryDirectory root;
    const Array<std::int32_t> a = Array<std::int32_t>::from({1, 2, 3}), b = Array<std::int32_t>::from({1, 1, 1});
    fx::save_checkpoint(root.path(), std::map<std::string, Array<std::int32_t>>{{"a", a}, {"b", b}}, 0, options(backend));
    Tree dict = Tree::dict();
    dict["a"] = a;
    dict["b"] = b;
    CHECK(fx::restore_checkpoint(root.path(), {.prefix = "test_"}) == dict);
    fx::save_checkpoint(root.path(), std::tuple{a, b}, 1, options(backend));
    Tree positions = Tree::dict();
    positions["0"] = a;
    positions["1"] = b;
    CHECK(fx::restore_checkpoint(root.path(), {.prefix = "test_"}) == positions);
  }
}

TEST_CASE("T-C8: a bare array is no pytree to Orbax, and a state like any other in a msgpack file") {
  guide::TemporaryDirectory root;
  const Array<std::int32_t> array = Array<std::int32_t>::from({1, 2, 3});
  CHECK_THROWS_AS(fx::save_checkpoint(root.path(), array, 0, options(Backend::orbax)), ArgumentError);
  fx::save_checkpoint(root.path(), array, 0, options(Backend::msgpack));
  CHECK(fx::restore_checkpoint(root.path(), {.prefix = "test_"}) == Tree(array));
  CHECK(fx::restore_checkpoint(root.path(), Array<std::int32_t>({3}), {.prefix = "test_"}) == array);
}

TEST_CASE("T-C9: an empty state is refused by Orbax, and an empty dict in a msgpack file") {
  guide::TemporaryDirectory root;
  using List = std::vector<Array<float>>;
  CHECK_THROWS_AS(fx::save_checkpoint(root.path(), List{}, 0, options(Backend::orbax)), ArgumentError);
  CHECK_THROWS_AS(fx::save_checkpoint(root.path(), std::map<std::string, bool>{}, 0, options(Backend::orbax)), ArgumentError);
  fx::save_checkpoint(root.path(), List{}, 0, options(Backend::msgpack));
  CHECK(fx::restore_checkpoint(root.path(), {.prefix = "test_"}) == Tree::dict());
  fx::save_checkpoint(root.path(), std::map<std::string, bool>{}, 1, options(Backend::msgpack));
  CHECK(fx::restore_checkpoint(root.path(), Tree::list(), {.prefix = "test_"}) == Tree::list());
  CHECK(fx::restore_checkpoint(root.path(), List{}, {.prefix = "test_"}).empty());
}

TEST_CASE("T-C10: what an AsyncManager has saved is there after result(), and the second of two saves is the last") {
  set_log_handler([](LogLevel, std::string_view) {});  // the second may have to wait for the first
  guide::TemporaryDirectory root;
  const auto state = [](double value) { return std::map<std::string, Array<double>>{{"a", Array<double>::full({1000, 1000}, value)}}; };
  fx::AsyncManager manager;
  fx::SaveCheckpointOptions in_background = options(Backend::msgpack);
  in_background.async_manager = &manager;
  const std::string path = fx::save_checkpoint(root.path(), state(1), 0, in_background);
  manager.result();
  CHECK(std::filesystem::exists(path));
  CHECK(fx::restore_checkpoint(root.path(), state(0), {.prefix = "test_"}) == state(1));
  fx::save_checkpoint(root.path(), state(2), 1, in_background);
  fx::save_checkpoint(root.path(), state(3), 2, in_background);
  manager.result();
  CHECK(fx::restore_checkpoint(root.path(), state(0), {.prefix = "test_"}) == state(3));
  CHECK(root.names() == Names{"test_2"});
  set_log_handler(nullptr);
}

TEST_CASE("T-C11: the newest checkpoint is none that is unfinished, holds arrays of several processes, or has another prefix") {
  guide::TemporaryDirectory root;
  touch(root / "test_tmp");
  touch(root / "test_gda");
  CHECK_FALSE(fx::latest_checkpoint(root.path(), "test_").has_value());
  touch(root / "test_0");
  touch(root / "test_0_gda");
  CHECK(fx::latest_checkpoint(root.path(), "test_") == root / "test_0");
  touch(root / "test_10");
  touch(root / "test_9");
  CHECK(fx::latest_checkpoint(root.path(), "test_") == root / "test_10");
  CHECK_FALSE(fx::latest_checkpoint(root.path(), "ckpt_").has_value());
  touch(root / "orbaxtest_.orbax-checkpoint-tmp_10");
  CHECK_FALSE(fx::latest_checkpoint(root.path(), "orbaxtest_").has_value());
}

TEST_CASE("T-C12: the steps that there are, as integers or floats") {
  guide::TemporaryDirectory integers, floats;
  for (const char* name : {"test_112", "test_1", "test_5", "test_tmp", "test_5_gda"}) touch(integers / name);
  for (const char* name : {"test_5.6", "test_1.0", "test_4.5", "test_tmp", "test_1.0_gda"}) touch(floats / name);
  CHECK(fx::available_steps(integers.path(), "test_") == std::vector<std::int64_t>{1, 5, 112});
  CHECK(fx::available_steps<double>(floats.path(), "test_") == std::vector<double>{1.0, 4.5, 5.6});
}

TEST_CASE("T-C13: a list that holds a struct and an array comes back into a list of the same") {
  using List = std::vector<std::variant<Point, Array<std::int32_t>>>;
  const List saved{Point{4, {{"a", Array<float>::from({1, 2})}}}, Array<std::int32_t>::from({5, 6, 7})};
  for (Backend backend : backends) {
    guide::TemporaryDirectory root;
    fx::save_checkpoint(root.path(), saved, 0, options(backend));
    const List target{Point{0, {{"a", Array<float>({2})}}}, Array<std::int32_t>({3})};
    const List back = fx::restore_checkpoint(root.path(), target, {.prefix = "test_"});
    REQUIRE(back.size() == 2);
    CHECK(std::get<Point>(back[0]).x == 4);
    CHECK(std::get<Point>(back[0]).y == std::get<Point>(saved[0]).y);
    CHECK(std::get<1>(back[1]) == std::get<1>(saved[1]));
  }
}

TEST_CASE("T-C14: in one directory an Orbax step and a msgpack one are told apart by what they are") {
  guide::TemporaryDirectory root;
  const std::string orbax = fx::save_checkpoint(root.path(), object(3), 0, options(Backend::orbax, 2));
  const std::string msgpack = fx::save_checkpoint(root.path(), object(4), 1, options(Backend::msgpack, 2));
  CHECK(std::filesystem::is_directory(orbax));
  CHECK(std::filesystem::is_regular_file(msgpack));
  CHECK(fx::restore_checkpoint(orbax, Object{}) == object(3));
  CHECK(fx::restore_checkpoint(msgpack, Object{}) == object(4));
}

TEST_CASE("T-C15: a target's array takes the shape that is stored") {
  const Array<float> large = Array<float>::full({16, 256, 1024}, 1.5f);
  for (Backend backend : backends) {
    guide::TemporaryDirectory root;
    fx::save_checkpoint(root.path(), std::map<std::string, Array<float>>{{"a", large}}, 0, options(backend));
    const std::map<std::string, Array<float>> target{{"a", Array<float>({2, 3})}};
    CHECK(fx::restore_checkpoint(root.path(), target, {.prefix = "test_"}).at("a") == large);
    CHECK(fx::restore_checkpoint(root.path(), target, {.prefix = "test_", .parallel = false}).at("a") == large);
  }
}
