#include "orrery/manager/checkpoint_manager.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "orrery/checkpoint.hpp"
#include "storage/scratch.hpp"

namespace {

using namespace orrery;
using storage_test::contents;
using storage_test::ScratchDirectory;
using storage_test::TestHook;
using Steps = std::vector<std::int64_t>;
using Names = std::vector<std::string>;

struct State {
  std::int64_t number = 0;
  Array<float> values{{3}};
};

State numbered(std::int64_t n) { return {n, Array<float>::full({3}, static_cast<float>(n))}; }
bool is_whole(const State& state, std::int64_t n) { return state.number == n && state.values == numbered(n).values; }

ManagerSaveArgs quick(Metrics metrics = {}, bool force = false) {
  return {.metrics = std::move(metrics), .force = force, .save = {.durability = Durability::fast}};
}

double loss(const Metrics& metrics) { return metrics["loss"]; }

// What stands in the root once the background is done.
Names names_in(CheckpointManager& manager) {
  manager.wait_until_finished();
  return storage::list_directory(manager.directory());
}

}  // namespace

TEST_CASE("steps are saved and restored, with a type, into a target, as a tree, and the latest without a step") {
  ScratchDirectory scratch;
  CheckpointManager manager(scratch / "a/b/managed");
  CHECK_FALSE(manager.latest_step());
  CHECK_THROWS_WITH_AS(manager.restore<State>(), doctest::Contains("No steps found in"), NotFoundError);
  for (std::int64_t step = 0; step < 3; ++step) CHECK(manager.save(step, numbered(step), quick()));
  CHECK(manager.all_steps() == Steps{0, 1, 2});
  CHECK(manager.latest_step() == 2);
  CHECK(manager.best_step() == 2);
  CHECK(is_whole(manager.restore<State>(1), 1));
  CHECK(is_whole(manager.restore<State>(), 2));
  CHECK(is_whole(manager.restore(0, State{}), 0));
  CHECK(is_whole(manager.restore(manager.latest_step(), State{}), 2));
  CHECK(manager.restore(1)["number"].scalar<std::int64_t>() == 1);
  CHECK(manager.restore()["number"].scalar<std::int64_t>() == 2);
  State target;
  manager.restore_into(1, target);
  CHECK(is_whole(target, 1));
  CHECK_THROWS_WITH_AS(manager.restore<State>(7), doctest::Contains("The steps are 0, 1, 2"), NotFoundError);
}

TEST_CASE("a step is laid out as Orbax's manager does it") {
  ScratchDirectory scratch;
  CheckpointManager manager(scratch / "m", {.best_fn = loss, .step_prefix = "ck", .step_format_fixed_length = 3});
  ManagerSaveArgs args = quick({{"loss", 0.5}, {"n", 3}});
  args.custom_metadata = R"({"lr": 0.1})";
  manager.save(7, numbered(7), args);
  CHECK(storage::list_directory(scratch / "m") == Names{"ck_007"});
  CHECK(storage::list_directory(scratch / "m/ck_007") == Names{"_CHECKPOINT_METADATA", "commit_success.txt", "default", "metrics"});
  CHECK_FALSE(storage::exists(scratch / "m/ck_007/default/_CHECKPOINT_METADATA"));
  CHECK(contents(scratch / "m/ck_007/metrics/metrics") == R"({"loss": 0.5, "n": 3.0})");
  const std::string metadata = contents(scratch / "m/ck_007/_CHECKPOINT_METADATA");
  CHECK(metadata.starts_with(
      R"({"item_handlers": {"default": "orbax.checkpoint._src.handlers.pytree_checkpoint_handler.PyTreeCheckpointHandler", )"
      R"("metrics": "orbax.checkpoint._src.handlers.json_checkpoint_handler.JsonCheckpointHandler"}, "metrics": {}, )"));
  CHECK(metadata.ends_with(R"("custom_metadata": {"lr": 0.1}})"));

  const StepMetadata said = manager.metadata(7);
  CHECK(said.custom_metadata == R"({"lr": 0.1})");
  CHECK(said.metrics["n"] == 3);
  REQUIRE((said.init_time && said.commit_time));
  CHECK(*said.init_time <= *said.commit_time);
  CHECK(now() - *said.commit_time < std::chrono::minutes(1));
}

TEST_CASE("saving is decided by the policy: multiples, the first step, behind the latest, or by force") {
  ScratchDirectory scratch;
  CheckpointManager manager(scratch / "m", {.save_interval_steps = 5, .save_on_steps = {7}});
  CHECK(manager.should_save(3));
  CHECK(manager.save(3, numbered(3), quick()));
  CHECK_FALSE(manager.save(4, numbered(4), quick()));
  CHECK(manager.save(5, numbered(5), quick()));
  CHECK(manager.save(7, numbered(7), quick()));
  CHECK_FALSE(manager.save(5, numbered(5), quick()));  // behind the latest
  CHECK(manager.save_decision(5).reason == "not behind the latest step, 7");
  CHECK(manager.save_decision(10).reason == "a multiple of 5");
  CHECK(manager.save(4, numbered(4), quick({}, true)));
  CHECK(manager.all_steps() == Steps{3, 4, 5, 7});
  CHECK(manager.latest_step() == 4);  // the one saved last, as in Orbax
  manager.reload();
  CHECK(manager.latest_step() == 7);
  CHECK_THROWS_WITH_AS(manager.save(5, numbered(5), quick({}, true)), doctest::Contains("Checkpoint for step 5 already exists."),
                       AlreadyExistsError);
  CHECK_THROWS_AS(manager.save(-1, numbered(0), quick({}, true)), ArgumentError);
}

TEST_CASE("old steps go when the new one is there; 0 keeps none, not even that one") {
  ScratchDirectory scratch;
  {
    CheckpointManager manager(scratch / "m", {.max_to_keep = 2, .keep_period = 3});
    for (std::int64_t step = 0; step < 8; ++step) manager.save(step, numbered(step), quick());
    CHECK(manager.all_steps() == Steps{0, 3, 6, 7});
    CHECK(names_in(manager) == Names{"0", "3", "6", "7"});
    CHECK(manager.preservation_verdicts()[0].reason == "a multiple of 3");
  }
  CheckpointManager manager(scratch / "none", {.max_to_keep = 0});
  CHECK(manager.save(1, numbered(1), quick()));
  CHECK(manager.all_steps().empty());
  CHECK(names_in(manager).empty());
}

TEST_CASE("a root is pruned without a save, after a look at what would go") {
  ScratchDirectory scratch;
  {
    CheckpointManager manager(scratch / "m");
    for (std::int64_t step = 0; step < 6; ++step) manager.save(step, numbered(step), quick());
  }
  const CheckpointManagerOptions options{.max_to_keep = 1, .keep_period = 4};
  CheckpointManagerOptions look = options;
  look.read_only = true;
  CheckpointManager looking(scratch / "m", look);
  Steps goes;
  for (const StepVerdict& verdict : looking.preservation_verdicts())
    if (!verdict.stays) goes.push_back(verdict.step);
  CHECK(goes == Steps{1, 2, 3});
  CHECK(looking.prune().empty());
  CheckpointManager manager(scratch / "m", options);
  CHECK(manager.prune() == goes);
  CHECK(names_in(manager) == Names{"0", "4", "5"});
}

TEST_CASE("with a best_fn the best steps stay, now and after a restart") {
  ScratchDirectory scratch;
  const CheckpointManagerOptions options{.max_to_keep = 2, .best_fn = loss, .best_mode = "min"};
  {
    CheckpointManager manager(scratch / "m", options);
    const double losses[] = {0.5, 0.2, 0.4, 0.3};
    for (std::int64_t step = 0; step < 4; ++step) manager.save(step, numbered(step), quick({{"loss", losses[step]}}));
    CHECK(manager.all_steps() == Steps{1, 3});
    CHECK(manager.best_step() == 1);
    CHECK(manager.latest_step() == 3);
  }
  CheckpointManager manager(scratch / "m", options);
  CHECK(manager.best_step() == 1);
  CHECK(manager.metrics(3) == Metrics{{"loss", 0.3}});
  manager.save(4, numbered(4), quick());  // no metrics: stays beside the best
  CHECK(manager.all_steps() == Steps{1, 3, 4});
  CHECK(manager.metrics(4).empty());
  CHECK(manager.best_step() == 1);
  CHECK_THROWS_WITH_AS(manager.metrics(3)["accuracy"], doctest::Contains(R"(there are {"loss": 0.3})"), NotFoundError);
}

TEST_CASE("metrics stay off the disk without a best_fn, and where that is asked for") {
  ScratchDirectory scratch;
  CheckpointManager without(scratch / "a"), prevented(scratch / "b", {.best_fn = loss, .prevent_write_metrics = true});
  without.save(0, numbered(0), quick({{"loss", 1}}));
  prevented.save(0, numbered(0), quick({{"loss", 1}}));
  CHECK_FALSE(storage::exists(scratch / "a/0/metrics"));
  CHECK_FALSE(storage::exists(scratch / "b/0/metrics"));
  CHECK(prevented.best_step() == 0);
  CHECK(without.metrics(0).empty());
}

TEST_CASE("a step is deleted at once by name, and a missing one is an error") {
  ScratchDirectory scratch;
  CheckpointManager manager(scratch / "m");
  for (std::int64_t step = 0; step < 3; ++step) manager.save(step, numbered(step), quick());
  manager.delete_step(2);
  CHECK_FALSE(storage::exists(scratch / "m/2"));
  CHECK(manager.latest_step() == 1);
  CHECK_THROWS_WITH_AS(manager.delete_step(2), doctest::Contains("Requested deleting a non-existent step: 2."), NotFoundError);
  CHECK(manager.save(2, numbered(20), quick()));
  CHECK(is_whole(manager.restore<State>(2), 20));
  CHECK(names_in(manager) == Names{"0", "1", "2"});
}

TEST_CASE("deleted steps are moved where todelete_subdir says, replacing what an earlier one left there") {
  ScratchDirectory scratch;
  CheckpointManager manager(scratch / "m", {.todelete_subdir = "trash"});
  for (const std::int64_t n : {1, 2}) {
    manager.save(0, numbered(n), quick({}, true));
    manager.delete_step(0);
  }
  CHECK(names_in(manager) == Names{"trash"});
  CHECK(storage::list_directory(scratch / "m/trash") == Names{"0"});
  CHECK(is_whole(PyTreeCheckpointer().restore<State>(scratch / "m/trash/0/default"), 2));
  CHECK(manager.all_steps(true).empty());
}

TEST_CASE("what dead processes left is skipped; half deleted steps go when the root is opened, half saved ones where that is asked for") {
  ScratchDirectory scratch;
  const std::string root = scratch / "m";
  CheckpointManager(root).save(1, numbered(1), quick());
  for (const char* name : {"2.orbax-checkpoint-tmp-orrery", "3.orbax-checkpoint-tmp-4", "deleted-0-77-3.orbax-checkpoint-tmp", "other"}) {
    storage::make_directories(root + "/" + name + "/default");
    storage::write_file(root + "/" + name + "/default/x", "x");
  }
  storage::write_file(root + "/9", "a file");
  {
    CheckpointManager manager(root);
    CHECK(manager.all_steps() == Steps{1});
    CHECK(names_in(manager) == Names{"1", "2.orbax-checkpoint-tmp-orrery", "3.orbax-checkpoint-tmp-4", "9", "other"});
    CHECK(manager.save(2, numbered(2), quick()));  // removes its own leftover
    CHECK(names_in(manager) == Names{"1", "2", "3.orbax-checkpoint-tmp-4", "9", "other"});
  }
  storage::make_directories(root + "/4.orbax-checkpoint-tmp");
  CheckpointManager manager(root, {.cleanup_tmp_directories = true});
  CHECK(names_in(manager) == Names{"1", "2", "9", "other"});
}

TEST_CASE("a step whose replacement died half way comes back when the root is opened") {
  ScratchDirectory scratch;
  const std::string root = scratch / "m";
  CheckpointManager(root).save(1, numbered(1), quick());
  storage::rename(root + "/1", root + "/1.orbax-checkpoint-tmp-old");
  CheckpointManager manager(root);
  CHECK(manager.all_steps() == Steps{1});
  CHECK(is_whole(manager.restore<State>(1), 1));
}

TEST_CASE("a save that fails leaves the steps there are, no trace of itself, and can be done again") {
  ScratchDirectory scratch;
  CheckpointManager manager(scratch / "m", {.max_to_keep = 1});
  manager.save(0, numbered(0), quick());
  for (std::size_t call = 0;; ++call) {
    CAPTURE(call);
    TestHook hook;
    hook.fail_at = call;
    hook.code = ENOSPC;
    bool threw = false;
    {
      storage::ScopedFileSystemHook installed(hook);
      try {
        manager.save(1, numbered(1), quick());
      } catch (const IoError&) {
        threw = true;
      }
      manager.wait_until_finished();
    }
    if (!hook.failed) break;
    if (!threw || manager.latest_step() == 1) break;  // it failed after the step was there
    CHECK(manager.all_steps(true) == Steps{0});
    CHECK(is_whole(manager.restore<State>(), 0));
    CHECK(names_in(manager) == Names{"0"});
  }
  CHECK(is_whole(manager.restore<State>(), 1));
}

TEST_CASE("several items are saved and restored by name and type, or as a tree of all") {
  ScratchDirectory scratch;
  CheckpointManager manager(scratch / "m", {.best_fn = loss});
  const State state = numbered(3);
  const Array<double> noise = Array<double>::full({2, 2}, 0.25);
  manager.save(3, Composite{{"state", state}, {"config", JsonItem{R"({"layers": [5, 3], "name": "mlp"})"}}, {"noise", ArrayItem{noise}}},
               quick({{"loss", 0.1}}));
  CHECK(storage::list_directory(scratch / "m/3") ==
        Names{"_CHECKPOINT_METADATA", "commit_success.txt", "config", "metrics", "noise", "state"});
  CHECK(contents(scratch / "m/3/config/metadata") == R"({"layers": [5, 3], "name": "mlp"})");
  CHECK(storage::exists(scratch / "m/3/noise/checkpoint/.zarray"));

  auto [again, config] = manager.restore(3, items<State, JsonItem>("state", "config"));
  CHECK(is_whole(again, 3));
  CHECK(config.text == R"({"layers": [5, 3], "name": "mlp"})");
  auto [array] = manager.restore(3, items<ArrayItem<Array<double>>>("noise"));
  CHECK(array.array == noise);
  auto [filled] = manager.restore(3, items<State>("state").into(State{}));
  CHECK(is_whole(filled, 3));
  const Tree all = manager.restore(3);
  CHECK(all.keys() == Names{"config", "metrics", "noise", "state"});
  CHECK(all["config"]["layers"][1].scalar<std::int64_t>() == 3);
  CHECK(all["metrics"]["loss"].scalar<double>() == 0.1);
  CHECK(all["noise"].array().at<double>({1, 1}) == 0.25);
  CHECK_THROWS_WITH_AS(
      manager.restore(3, items<State>("stat")),
      doctest::Contains("Item \"stat\" was not found in the checkpoint. Available items: ['config', 'metrics', 'noise', 'state']"),
      KeyError);

  const ItemMetadata metadata = manager.item_metadata(3);
  CHECK(metadata["state"].leaves().size() == 2);
  CHECK(metadata["noise"].leaves()[0].shape == Shape{2, 2});
  CHECK_THROWS_AS(metadata["config"], KeyError);
  CHECK(is_whole(manager.restore<State>(3), 3));  // the only pytree
}

TEST_CASE("the one pytree of a step is found without a name; several must be named") {
  ScratchDirectory scratch;
  CheckpointManager one(scratch / "a"), two(scratch / "b");
  one.save(0, Composite{{"state", numbered(1)}, {"config", JsonItem{"{}"}}}, quick());
  two.save(0, Composite{{"model", numbered(1)}, {"optimizer", numbered(2)}}, quick());
  CHECK(is_whole(one.restore<State>(0), 1));
  CHECK_THROWS_WITH_AS(two.restore<State>(0), doctest::Contains("there are model, optimizer"), ArgumentError);
}

TEST_CASE("a manager is for one item without a name or for several") {
  ScratchDirectory scratch;
  CheckpointManager manager(scratch / "m"), other(scratch / "n");
  manager.save(0, numbered(0), quick());
  CHECK_THROWS_WITH_AS(manager.save(1, Composite{{"state", numbered(1)}}, quick()),
                       doctest::Contains("Cannot provide `args` of type `Composite`"), ArgumentError);
  other.save(0, Composite{{"state", numbered(0)}}, quick());
  CHECK_THROWS_WITH_AS(other.save(1, numbered(1), quick()), doctest::Contains("Must provide `args` of type `Composite`"), ArgumentError);
  CHECK(manager.item_metadata(0).leaves().size() == 2);
}

TEST_CASE("names of items are names of directories, each once; metrics keep theirs") {
  ScratchDirectory scratch;
  for (const char* name : {"", ".", "..", "a/b", "x.orbax-checkpoint-tmp", "LOCKED"})
    CHECK_THROWS_AS((Composite{{name, JsonItem{"{}"}}}), ArgumentError);
  CHECK_THROWS_AS((Composite{{"a", JsonItem{"{}"}}, {"a", JsonItem{"{}"}}}), ArgumentError);
  CheckpointManager manager(scratch / "m", {.best_fn = loss});
  CHECK_THROWS_AS(manager.save(0, Composite{{"metrics", JsonItem{"{}"}}}, quick({{"loss", 1}})), ArgumentError);
  CHECK_THROWS_AS(manager.save(0, Composite{{"config", JsonItem{"no json"}}}, quick()), FormatError);
  CHECK(names_in(manager).empty());
}

namespace {

// A user's own item: a line of text in a file.
struct Note {
  std::string text{};
};

}  // namespace

template <>
struct orrery::ItemHandler<Note> {
  static constexpr std::string_view name = "notes.NoteHandler";
  static void save(const std::string& directory, const Note& note, const SaveOptions&) {
    storage::write_file(directory + "/note.txt", note.text);
  }
  static Note restore(const std::string& directory, const RestoreOptions&) { return {storage::read_file(directory + "/note.txt", 1000)}; }
};

TEST_CASE("what has an ItemHandler is an item, alone or among others") {
  ScratchDirectory scratch;
  CheckpointManager alone(scratch / "a"), among(scratch / "b");
  alone.save(0, Note{"hello"}, quick());
  CHECK(alone.restore<Note>(0).text == "hello");
  among.save(0, Composite{{"state", numbered(1)}, {"note", Note{"again"}}}, quick());
  const auto [state, note] = among.restore(0, items<State, Note>("state", "note"));
  CHECK(is_whole(state, 1));
  CHECK(note.text == "again");
  CHECK(among.item_metadata(0).items()[0].handler == "notes.NoteHandler");
  CHECK_THROWS_WITH_AS(among.restore(0), doctest::Contains("notes.NoteHandler"), FormatError);
}

TEST_CASE("the root says what it was told once") {
  ScratchDirectory scratch;
  CHECK(CheckpointManager(scratch / "none").metadata().custom_metadata == "{}");
  CheckpointManager first(scratch / "m", {.metadata = R"({"version": 1.1})"});
  CHECK(contents(scratch / "m/metadata/_ROOT_METADATA") == R"({"custom_metadata": {"version": 1.1}})");
  CheckpointManager second(scratch / "m", {.metadata = R"({"version": 2})"});
  CHECK(second.metadata().custom_metadata == R"({"version": 1.1})");
  CHECK(second.all_steps().empty());
  storage::make_directories(scratch / "old/metadata");
  storage::write_file(scratch / "old/metadata/metadata", R"({"lang": "en"})");
  CHECK(CheckpointManager(scratch / "old").metadata().custom_metadata == R"({"lang": "en"})");
  CHECK_THROWS_AS(CheckpointManager(scratch / "bad", {.metadata = "[1]"}), ArgumentError);
}

TEST_CASE("a read-only manager changes nothing") {
  ScratchDirectory scratch;
  CheckpointManager(scratch / "m").save(1, numbered(1), quick());
  storage::make_directories(scratch / "m/deleted-0-1-1.orbax-checkpoint-tmp");
  CheckpointManager reader(scratch / "m", {.max_to_keep = 0, .read_only = true});
  CHECK_FALSE(reader.should_save(2));
  CHECK_FALSE(reader.save(2, numbered(2), quick({}, true)));
  reader.delete_step(1);
  CHECK(is_whole(reader.restore<State>(), 1));
  CHECK(storage::list_directory(scratch / "m") == Names{"1", "deleted-0-1-1.orbax-checkpoint-tmp"});
  CHECK(CheckpointManager(scratch / "absent", {.read_only = true}).all_steps().empty());
  CHECK_FALSE(storage::exists(scratch / "absent"));
  CHECK_THROWS_AS(CheckpointManager(scratch / "absent", {.create = false}), NotFoundError);
}

TEST_CASE("what others have saved is seen after reload") {
  ScratchDirectory scratch;
  CheckpointManager writer(scratch / "m"), reader(scratch / "m", {.read_only = true});
  writer.save(4, numbered(4), quick());
  CHECK_FALSE(reader.latest_step());
  reader.reload();
  CHECK(reader.latest_step() == 4);
  CHECK(reader.all_steps(true) == Steps{4});
}

TEST_CASE("a reader waits for a step and finds it whole; nothing comes in time for one that never comes") {
  ScratchDirectory scratch;
  CheckpointManager reader(scratch / "m", {.read_only = true});  // before there is a root
  CHECK_FALSE(reader.wait_for_new_step({}, std::chrono::milliseconds(5)));
  std::thread writer([&] {
    CheckpointManager manager(scratch / "m", {.max_to_keep = 2});
    for (std::int64_t step = 0; step < 50; ++step) manager.save(step, numbered(step), quick());
  });
  std::optional<std::int64_t> seen;
  while (seen != 49) {
    const auto found = reader.wait_for_new_step(seen, std::chrono::seconds(20));
    REQUIRE(found);
    CHECK((!seen || *found > *seen));
    seen = found;
    bool whole = false;
    try {
      whole = is_whole(reader.restore<State>(*found), *found);
    } catch (const Error&) {  // deleted meanwhile
      whole = !storage::exists(scratch / ("m/" + std::to_string(*found)));
    }
    CHECK(whole);
  }
  writer.join();
  CHECK_FALSE(reader.wait_for_new_step(49, std::chrono::milliseconds(10)));
}

TEST_CASE("the newest intact step is found behind damaged ones, which are named") {
  ScratchDirectory scratch;
  CheckpointManager manager(scratch / "m");
  for (std::int64_t step = 0; step < 4; ++step) manager.save(step, numbered(step), quick());
  storage::remove_tree(scratch / "m/3/default");
  const std::string data = scratch / "m/2/default/d/";
  const std::string file = data + storage::list_directory(data)[0];
  std::string bytes = contents(file);
  for (char& byte : bytes) byte = static_cast<char>(byte ^ 1);
  storage::write_file(file, bytes);

  Names warnings;
  set_log_handler([&](LogLevel, std::string_view message) { warnings.emplace_back(message); });
  const IntactStep<State> found = manager.restore_latest_intact<State>();
  set_log_handler([](LogLevel, std::string_view) {});
  REQUIRE(warnings.size() == 2);
  CHECK(warnings[0].starts_with("step 3 of " + (scratch / "m") + " is damaged and was skipped: "));
  CHECK(found.step == 1);
  CHECK(is_whole(found.state, 1));
  REQUIRE(found.skipped.size() == 2);
  CHECK(found.skipped[0].step == 3);
  CHECK(found.skipped[1].step == 2);
  CHECK(found.skipped[1].reason.find("/2/default") != std::string::npos);
  const State state = manager.restore_latest_intact<State>();
  CHECK(is_whole(state, 1));

  struct Other {
    std::int64_t number = 0;
    double more = 0;
  };
  CHECK_THROWS_AS(manager.restore_latest_intact<Other>(), KeyError);  // does not fit: no damage
  for (const char* step : {"0", "1"}) storage::remove_tree(scratch / (std::string("m/") + step + "/default"));
  CHECK_THROWS_WITH_AS(manager.restore_latest_intact<State>(), doctest::Contains("that are intact; 3: "), NotFoundError);
  set_log_handler(nullptr);
}

TEST_CASE("times are read where a policy looks at them: as the step says, else when its directory was changed") {
  ScratchDirectory scratch;
  {
    CheckpointManager manager(scratch / "m");
    for (std::int64_t step = 0; step < 3; ++step) manager.save(step, numbered(step), quick());
  }
  storage::write_file(scratch / "m/0/_CHECKPOINT_METADATA", R"({"commit_timestamp_nsecs": 1000000000})");
  storage::write_file(scratch / "m/1/_CHECKPOINT_METADATA", R"({"commit_timestamp_nsecs": 2000000000})");
  storage::remove_file(scratch / "m/2/_CHECKPOINT_METADATA");
  CheckpointManager manager(scratch / "m", {.max_to_keep = 1, .keep_time_interval = std::chrono::seconds(100)});
  const std::vector<StepVerdict> verdicts = manager.preservation_verdicts();
  CHECK(verdicts[0].stays);
  CHECK_FALSE(verdicts[1].stays);
  CHECK(verdicts[2].stays);
  storage::write_file(scratch / "m/1/_CHECKPOINT_METADATA", R"({"commit_timestamp_nsecs": "yesterday"})");
  manager.reload();
  CHECK_THROWS_AS(manager.preservation_verdicts(), FormatError);
  storage::write_file(scratch / "m/1/_CHECKPOINT_METADATA", "no JSON");
  manager.reload();
  CHECK_NOTHROW(manager.preservation_verdicts());
}

TEST_CASE("a link to a step is a step; deleting it leaves what it points to") {
  ScratchDirectory scratch;
  CheckpointManager(scratch / "m").save(1, numbered(1), quick());
  storage::rename(scratch / "m/1", scratch / "elsewhere");
  REQUIRE(::symlink((scratch / "elsewhere").c_str(), (scratch / "m/1").c_str()) == 0);
  CheckpointManager manager(scratch / "m");
  CHECK(is_whole(manager.restore<State>(1), 1));
  manager.delete_step(1);
  CHECK(names_in(manager).empty());
  CHECK(storage::is_directory(scratch / "elsewhere/default"));
}

TEST_CASE("a removal that fails in the background shows at the next wait, and is made up for on the next opening") {
  ScratchDirectory scratch;
  struct NoRemoval final : storage::FileSystemHook {
    int before(storage::FileCall& call) noexcept override { return call.operation == storage::FileOperation::remove_file ? EIO : 0; }
  } hook;
  {
    CheckpointManager manager(scratch / "m", {.max_to_keep = 1});
    storage::ScopedFileSystemHook installed(hook);
    manager.save(0, numbered(0), quick());
    manager.save(1, numbered(1), quick());
    CHECK_THROWS_AS(manager.wait_until_finished(), IoError);
    CHECK_NOTHROW(manager.check_for_errors());
    CHECK(manager.all_steps(true) == Steps{1});
  }
  CHECK(storage::list_directory(scratch / "m").size() == 2);
  CheckpointManager manager(scratch / "m");
  CHECK(names_in(manager) == Names{"1"});
}

TEST_CASE("a signal that says save and leave makes the next step one to save") {
  ScratchDirectory scratch;
  CheckpointManager manager(scratch / "m", {.save_interval_steps = 100});
  manager.on_preemption(SIGUSR1);
  std::int64_t step = 0;
  for (; step < 1000; ++step) {  // a training loop
    if (step == 42) std::raise(SIGUSR1);
    manager.save(step, numbered(step), quick());
    if (manager.reached_preemption()) break;
  }
  CHECK(step == 42);
  CHECK(manager.all_steps() == Steps{0, 42});
  CHECK(is_whole(manager.restore<State>(), 42));
}
