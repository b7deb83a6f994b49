// Many steps in one directory: when to save, what to keep, several items in a step, and finding the newest one that is whole.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include <orrery/orrery.hpp>

struct TrainState {
  std::int64_t step = 0;
  orrery::Array<float> weights = orrery::Array<float>::zeros({3});
};

int main(int argc, char** argv) {
  const std::string dir = argc > 1 ? argv[1] : "/tmp/orrery";
  for (const char* name : {"/managed", "/best", "/items"}) orrery::storage::remove_tree(dir + name);
  TrainState state;

  // Once, outside of the loop. Steps that are no longer kept are deleted in the background.
  orrery::CheckpointManager manager(dir + "/managed",
                                    {.save_interval_steps = 2, .max_to_keep = 3, .keep_period = 4, .enable_async_checkpointing = true});
  if (const auto latest = manager.latest_step()) state = manager.restore<TrainState>(*latest);
  while (state.step < 10) {
    ++state.step;
    manager.save(state.step, state);  // false where the policy skips the step
  }
  manager.wait_until_finished();                          // throws what went wrong in the background
  std::vector<std::int64_t> steps = manager.all_steps();  // 4, 6, 8, 10: the newest three, and multiples of 4
  TrainState back = manager.restore<TrainState>(manager.latest_step().value());
  for (const orrery::StepVerdict& verdict : manager.preservation_verdicts())  // deletes nothing
    std::printf("step %lld %s: %s\n", static_cast<long long>(verdict.step), verdict.stays ? "stays" : "goes", verdict.reason.c_str());

  // The best steps instead of the newest. Metrics are kept in the step, where Python's manager finds them too.
  orrery::CheckpointManager best(dir + "/best",
                                 {.max_to_keep = 2, .best_fn = [](const orrery::Metrics& m) { return m["loss"]; }, .best_mode = "min"});
  const double losses[] = {0.9, 0.3, 0.5, 0.4};
  for (std::int64_t step = 0; step < 4; ++step) best.save(step, state, {.metrics = {{"loss", losses[step]}}});
  std::optional<std::int64_t> best_step = best.best_step();  // 1
  double loss = best.metrics(1)["loss"];                     // 0.3

  // Several items in a step, and one of them alone.
  orrery::CheckpointManager items(dir + "/items");
  items.save(0, orrery::Composite{{"state", state}, {"config", orrery::JsonItem{R"({"learning_rate": 0.1})"}}});
  auto [again, config] = items.restore(0, orrery::items<TrainState, orrery::JsonItem>("state", "config"));
  orrery::ItemMetadata about = items.item_metadata(0);  // which items there are and what is in them

  // The newest step whose files are all there and right; what is damaged is skipped, and said.
  auto intact = items.restore_latest_intact<orrery::Tree>();
  // A reader in another process waits for what the trainer saves.
  std::optional<std::int64_t> next = items.wait_for_new_step(0, std::chrono::milliseconds(1));  // none

  const bool right = steps == std::vector<std::int64_t>{4, 6, 8, 10} && back.step == 10 && best_step == 1 && loss == 0.3 &&
                     again.step == 10 && config.text.find("0.1") != std::string::npos && about.items().size() == 2 && intact.step == 0 &&
                     !next;
  std::printf("%s\n", right ? "all as expected" : "something is wrong");
  return right ? 0 : 1;
}
