// The Flax guide "Save and load checkpoints", told in C++: docs/guide.md explains it section by section, from the code here.
//
//   guide [DIRECTORY]     everything is written below it; default /tmp/orrery_guide
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <orrery/adapters/eigen.hpp>
#include <orrery/orrery.hpp>

namespace fx = orrery::flax;

void section(const char* title) { std::printf("\n== %s\n", title); }
void check(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "guide: this does not hold: %s\n", what);
  std::exit(1);
}
#define CHECK(condition) check(condition, #condition)

// --- the state
struct Dense      { Eigen::VectorXf bias; Eigen::MatrixXf kernel; };          // (3,)  (5, 3)
struct TrainState { std::int64_t step = 0; Dense params; orrery::optax::SgdState opt_state; };
struct Config     { orrery::Array<std::int64_t> dimensions; };
struct Checkpoint { TrainState model; Config config; std::vector<orrery::Array<float>> data; };

// --- one factory
// Everything that makes or restores a state begins with the same shapes.
Checkpoint fresh_checkpoint() {
  return {{0, {Eigen::VectorXf::Zero(3), Eigen::MatrixXf::Zero(5, 3)}, {}},
          {orrery::Array<std::int64_t>({2})},
          {orrery::Array<float>({5})}};
}

// --- a new struct
struct CustomTrainState { std::int64_t step = 0; Dense params; orrery::optax::SgdState opt_state; orrery::Array<std::int64_t> batch_stats; };
struct CustomCheckpoint { CustomTrainState model; std::optional<Config> config; std::vector<orrery::Array<float>> data; };
// --- end

Checkpoint trained_checkpoint() {
  Checkpoint ckpt = fresh_checkpoint();
  ckpt.model.step = 1;
  ckpt.model.params.kernel << 0.26048955f, -0.61399287f, -0.23458514f, 0.11050402f, -0.8765793f, 0.9800635f, 0.36260957f, 0.18276349f,
      -0.6856061f, -0.8519373f, -0.6416717f, -0.4818122f, -0.6886102f, -0.33987316f, -0.05898903f;
  ckpt.model.params.bias.setConstant(-0.001f);
  ckpt.config.dimensions = orrery::Array<std::int64_t>::from({5, 3});
  ckpt.data[0] = orrery::Array<float>::from({0.59902626f, 0.2172144f, 2.4202902f, 0.03266738f, 1.2164948f});
  return ckpt;
}

void print_steps(const std::vector<std::int64_t>& steps) {
  for (const std::int64_t step : steps) std::printf("step %lld\n", static_cast<long long>(step));
}

// sgd(0.001) on gradients of ones.
void train_step(Checkpoint& state) {
  state.model.params.bias.array() -= 0.001f;
  state.model.params.kernel.array() -= 0.001f;
  ++state.model.step;
}

int main(int argc, char** argv) {
  const std::string root = argc > 1 ? argv[1] : "/tmp/orrery_guide";
  for (const char* old : {"/orbax", "/legacy", "/flax-checkpointing"}) std::filesystem::remove_all(root + old);
  const Checkpoint ckpt = trained_checkpoint();

  section("Save checkpoints");
  orrery::PyTreeCheckpointer checkpointer;
  checkpointer.save(root + "/orbax/single_save", ckpt, {.force = true});

  section("Save checkpoints: many steps");
  orrery::CheckpointManager manager(root + "/orbax/managed", checkpointer, {.max_to_keep = 2});
  for (std::int64_t step = 0; step < 5; ++step) manager.save(step, ckpt);
  print_steps(manager.all_steps());
  CHECK((manager.all_steps() == std::vector<std::int64_t>{3, 4}));

  section("Restore checkpoints: as a raw tree");
  orrery::Tree raw = checkpointer.restore(root + "/orbax/single_save");
  std::printf("%s\n", to_string(raw).c_str());
  float k = raw["model"]["params"]["kernel"].array().at<float>({0, 0});
  CHECK(k == ckpt.model.params.kernel(0, 0));
  CHECK(raw["model"]["opt_state"][0].is_none());

  section("Restore checkpoints: the latest step");
  std::int64_t step = manager.latest_step().value();
  orrery::Tree newest = manager.restore(step);
  CHECK(step == 4 && newest == raw);

  section("Restore checkpoints: with a target");
  Checkpoint restored = checkpointer.restore(root + "/orbax/single_save", fresh_checkpoint());
  CHECK(restored.model.params.kernel == ckpt.model.params.kernel);

  Checkpoint typed = checkpointer.restore<Checkpoint>(root + "/orbax/single_save");
  CHECK(typed.model.step == 1);

  Checkpoint storage = fresh_checkpoint();
  const float* where = storage.model.params.kernel.data();
  checkpointer.restore_into(root + "/orbax/single_save", storage);
  CHECK(storage.model.params.kernel.data() == where);

  section("Restore checkpoints: a step, with a target");
  Checkpoint from_step = manager.restore(4, fresh_checkpoint());
  Checkpoint from_latest = manager.restore<Checkpoint>();   // no step: the latest
  manager.restore_into(4, storage);
  CHECK(from_step.model.step == 1 && from_latest.model.params.kernel == ckpt.model.params.kernel);

  section("What is in it, without reading it");
  orrery::TreeMetadata metadata = checkpointer.metadata(root + "/orbax/single_save");
  for (const auto& leaf : metadata.leaves())
    std::printf("%-22s %-8s %s\n", leaf.path.c_str(), std::string(name(leaf.dtype)).c_str(), to_string(leaf.shape).c_str());

  section("Flax's legacy files");
  std::string path = fx::save_checkpoint(root + "/legacy", ckpt, 0, {.keep = 2, .overwrite = true, .backend = fx::Backend::msgpack});
  std::printf("%s\n", path.c_str());
  Checkpoint legacy = fx::restore_checkpoint(root + "/legacy", fresh_checkpoint());
  CHECK(legacy.model.params.bias == ckpt.model.params.bias);

  std::string bytes = fx::to_bytes(ckpt);  // flax.serialization.to_bytes gives the same 249 bytes
  Checkpoint from_memory = fx::from_bytes<Checkpoint>(bytes);
  CHECK(bytes.size() == 249 && from_memory.model.step == 1);

  section("When structures differ: a target that wants less");
  struct Weights { Dense params; };
  struct WeightsOnly { Weights model; };
  orrery::RestoreReport report;
  WeightsOnly weights = checkpointer.restore<WeightsOnly>(root + "/orbax/single_save", {.report = &report});
  for (const std::string& ignored : report.ignored()) std::printf("not read: %s\n", ignored.c_str());
  CHECK(weights.model.params.kernel == ckpt.model.params.kernel && report.ignored().size() == 3);

  section("When structures differ: a target that wants more");
  CustomCheckpoint custom{{0, ckpt.model.params, {}, orrery::Array<std::int64_t>::arange(10)}, {}, ckpt.data};
  try {
    checkpointer.restore_into(root + "/orbax/single_save", custom);
    CHECK(false);
  } catch (const orrery::KeyError& error) {
    std::printf("%s\n", error.what());  // every missing path; custom is as it was
  }

  section("When structures differ: fill what is missing");
  CustomCheckpoint filled = checkpointer.restore(root + "/orbax/single_save", custom, {.transforms = {}});
  CHECK(filled.model.step == 1);                      // from the checkpoint
  CHECK(filled.model.batch_stats.at({9}) == 9);       // custom's own
  CHECK(!filled.config.has_value());                  // an empty optional stays empty and is not read

  section("When structures differ: other names");
  struct Renamed { std::int64_t step = 0; Dense weights; };
  struct RenamedCheckpoint { Renamed model; };
  RenamedCheckpoint renamed = checkpointer.restore(root + "/orbax/single_save", RenamedCheckpoint{}, {.transforms = orrery::Transforms{
      {"model/weights/(.*)", orrery::Transform{.original_key = "model/params/\\1"}},
      {"model/step",         orrery::Transform{.use_fallback = true}}}});
  CHECK(renamed.model.weights.kernel == ckpt.model.params.kernel && renamed.model.step == 0);

  section("When structures differ: steps of a manager");
  CustomCheckpoint custom_ckpt{custom.model, ckpt.config, ckpt.data};
  manager.save(5, custom_ckpt);                                        // steps need not be alike
  Checkpoint subset = manager.restore(5, fresh_checkpoint(), {.report = &report});
  CHECK(subset.model.step == 0 && report.ignored() == std::vector<std::string>{"model/batch_stats"});

  try {
    CustomCheckpoint refused = manager.restore(4, custom);             // step 4 is from before batch_stats
    CHECK(false);
  } catch (const orrery::KeyError& error) {
    std::printf("%s\n", error.what());
  }
  CustomCheckpoint older = manager.restore(4, custom, {.transforms = {}});
  CHECK(older.model.step == 1 && older.model.batch_stats.at({9}) == 9);

  section("When structures differ: one branch");
  Dense params = checkpointer.restore<Dense>(root + "/orbax/single_save", {.subtree = "model/params"});
  CHECK(params.bias == ckpt.model.params.bias);

  section("When structures differ: through Flax's function");
  fx::save_checkpoint(root + "/flax-checkpointing", ckpt, 0, {.keep = 2, .overwrite = true});  // an Orbax directory, as in Flax today
  CustomCheckpoint from_flax = fx::restore_checkpoint(root + "/flax-checkpointing", custom, {.step = 0, .orbax_transforms = {}});
  CHECK(from_flax.model.step == 1 && from_flax.model.batch_stats.at({9}) == 9);

  section("Flax's function: step after step");
  fx::save_checkpoint(root + "/flax-checkpointing", ckpt, 4, {.keep = 2, .overwrite = true});
  fx::save_checkpoint(root + "/flax-checkpointing", ckpt, 5, {.keep = 2, .overwrite = true, .backend = fx::Backend::msgpack});  // 0 goes
  std::printf("%s\n", fx::latest_checkpoint(root + "/flax-checkpointing").value().c_str());
  CHECK((fx::available_steps(root + "/flax-checkpointing") == std::vector<std::int64_t>{4, 5}));
  Checkpoint fifth = fx::restore_checkpoint(root + "/flax-checkpointing", fresh_checkpoint());  // the newest, whatever its format
  CHECK(fifth.model.step == 1);

  section("When structures differ: edit the raw state of a legacy file");
  orrery::Tree state = fx::restore_checkpoint(root + "/legacy");
  state["model"]["batch_stats"] = orrery::Array<std::int64_t>::from({9, 8, 7, 6, 5, 4, 3, 2, 1, 0});
  CustomCheckpoint edited = fx::from_state_dict(custom, state);
  CHECK(edited.model.step == 1 && edited.model.batch_stats.at({0}) == 9);
  CHECK(edited.config.has_value());  // an empty optional takes what the state has

  section("Asynchronous checkpointing");
  orrery::AsyncCheckpointer async({.timeout = std::chrono::seconds(50)});
  async.save(root + "/orbax/single_save_async", ckpt);      // returns when it has a copy
  async.wait_until_finished();                              // throws what went wrong since
  Checkpoint again = async.restore(root + "/orbax/single_save_async", fresh_checkpoint());
  CHECK(again.model.params.kernel == ckpt.model.params.kernel);

  section("Asynchronous checkpointing: many steps");
  orrery::CheckpointManager managed_async(root + "/orbax/managed_async", async, {.max_to_keep = 2});

  Checkpoint training = fresh_checkpoint();
  if (managed_async.latest_step()) managed_async.restore_into({}, training);  // a run that goes on
  while (training.model.step < 5) {
    train_step(training);
    managed_async.save(training.model.step, training);
  }
  managed_async.wait_until_finished();
  print_steps(managed_async.all_steps());
  CHECK((managed_async.all_steps() == std::vector<std::int64_t>{4, 5}));
  CHECK(managed_async.restore(5, fresh_checkpoint()).model.params.bias == training.model.params.bias);
  std::printf("\nall of it holds\n");
  return 0;
}
