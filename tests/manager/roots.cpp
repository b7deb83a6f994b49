// roots write DIR: makes roots of steps that Python's managers must open. roots read ERA DIR: opens the roots that manager_roots.py of that
// era made; one line per check, then the sum.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/checkpoint.hpp"

namespace {

using namespace orrery;
using Steps = std::vector<std::int64_t>;

struct State {
  std::int64_t step = 0;
  std::map<std::string, Array<float>> params{};
  std::vector<Array<float>> data{};
};

// Both sides make the same states of the same numbers.
State numbered(std::int64_t step) {
  State state;
  state.step = step;
  const auto value = static_cast<float>(step);
  state.params = {{"bias", Array<float>::full({3}, value)}, {"kernel", Array<float>::full({5, 3}, value / 2)}};
  state.data = {Array<float>::full({4}, -value)};
  return state;
}
bool same(const State& a, const State& b) { return a.step == b.step && a.params == b.params && a.data == b.data; }

double loss(const Metrics& metrics) { return metrics["loss"]; }
const CheckpointManagerOptions latest_two{.max_to_keep = 2};
const CheckpointManagerOptions named{.step_prefix = "ck", .step_format_fixed_length = 4};
const CheckpointManagerOptions best_two{.max_to_keep = 2, .best_fn = loss, .best_mode = "min"};
constexpr double losses[] = {0.5, 0.25, 0.75, 0.125};
const char* const config = R"({"layers": [5, 3], "name": "mlp", "rate": 0.5})";

int write(const std::string& directory) {
  const auto root = [&](const char* name) { return directory + "/" + name; };
  CheckpointManager plain(root("plain"), latest_two), other(root("named"), named), best(root("best"), best_two);
  for (std::int64_t step = 0; step < 5; ++step) plain.save(step, numbered(step));
  for (const std::int64_t step : {3, 12345}) other.save(step, numbered(step));
  for (std::int64_t step = 0; step < 4; ++step)
    best.save(step, numbered(step), {.metrics = {{"loss", losses[step]}, {"n", static_cast<double>(step)}}});
  CheckpointManager items(root("items"));
  items.save(7, Composite{{"state", numbered(7)}, {"config", JsonItem{config}}});
  CheckpointManager said(root("said"), {.metadata = R"({"version": 1.5})"});
  said.save(1, numbered(1), {.custom_metadata = R"({"rate": 0.25})"});
  CheckpointManager async(root("async"), {.max_to_keep = 2, .enable_async_checkpointing = true});
  for (std::int64_t step = 0; step < 5; ++step) async.save(step, numbered(step));
  for (CheckpointManager* manager : {&plain, &other, &best, &items, &said, &async}) manager->close();
  return 0;
}

class Checks {
 public:
  void check(const std::string& name, const std::function<bool()>& body) {
    std::string trouble = "differs";
    bool good = false;
    try {
      good = body();
    } catch (const std::exception& error) {
      trouble = error.what();
    }
    ++(good ? passed_ : failed_);
    std::printf("%s read %s%s\n", good ? "PASS" : "FAIL", name.c_str(), good ? "" : (": " + trouble).c_str());
  }
  int finish() const {
    std::printf("%d passed, %d failed, 0 skipped\n", passed_, failed_);
    return failed_ ? 1 : 0;
  }

 private:
  int passed_ = 0, failed_ = 0;
};

int read(const std::string& era, const std::string& directory) {
  Checks checks;
  const bool has_composites = era != "2023", has_metadata = era == "2025" || era == "newest";
  const auto steps_of = [&](const std::string& name, const CheckpointManagerOptions& options, const Steps& want) {
    checks.check(era + " " + name + ": steps and the latest", [&] {
      const CheckpointManager manager(directory + "/" + name, options);
      CheckpointManager& opened = const_cast<CheckpointManager&>(manager);
      return opened.all_steps() == want && opened.latest_step() == want.back();
    });
    for (const std::int64_t step : want) {
      checks.check(era + " " + name + " " + std::to_string(step) + ": into a type, a target, and the items' names", [&, step] {
        CheckpointManager manager(directory + "/" + name, options);
        return same(manager.restore<State>(step), numbered(step)) && same(manager.restore(step, numbered(0)), numbered(step)) &&
               manager.item_metadata(step).leaves().size() == 4;
      });
      checks.check(era + " " + name + " " + std::to_string(step) + ": as a tree", [&, step] {
        CheckpointManager manager(directory + "/" + name, options);
        const Tree tree = manager.restore(step);
        return tree["step"].scalar<std::int64_t>() == step && tree["data"][0].array().at<float>({0}) == static_cast<float>(-step);
      });
    }
  };
  steps_of("plain", latest_two, {3, 4});
  steps_of("named", named, {3, 12345});
  steps_of("best", best_two, {1, 3});
  checks.check(era + " best: the best and its metrics", [&] {
    CheckpointManager manager(directory + "/best", best_two);
    return manager.best_step() == 3 && manager.metrics(1)["loss"] == 0.25 && manager.metrics(3)["n"] == 3;
  });
  checks.check(era + " best: a step saved on top, and what it lets go", [&] {
    CheckpointManager manager(directory + "/best", best_two);
    manager.save(9, numbered(9), {.metrics = {{"loss", 0.0625}}});
    manager.close();
    return manager.all_steps(true) == Steps{3, 9} && manager.best_step() == 9;
  });
  if (has_composites)
    checks.check(era + " items: chosen by name and type", [&] {
      CheckpointManager manager(directory + "/items");
      const auto [state, json] = manager.restore(7, items<State, JsonItem>("state", "config"));
      return same(state, numbered(7)) && json.value().find("layers")->array()->size() == 2;
    });
  checks.check(era + " items: all as a tree", [&] {
    CheckpointManager manager(directory + "/items");
    const Tree all = manager.restore();
    return all["state"]["step"].scalar<std::int64_t>() == 7 && all["config"]["name"].string() == "mlp" &&
           all["config"]["rate"].scalar<double>() == 0.5;
  });
  if (has_metadata) {
    checks.check(era + " said: of the root and of the step", [&] {
      CheckpointManager manager(directory + "/said");
      const StepMetadata step = manager.metadata(1);
      return manager.metadata().custom_metadata == R"({"version": 1.5})" && step.custom_metadata == R"({"rate": 0.25})" &&
             step.commit_time.has_value();
    });
  }
  return checks.finish();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && !std::strcmp(argv[1], "write")) return write(argv[2]);
  if (argc == 4 && !std::strcmp(argv[1], "read")) return read(argv[2], argv[3]);
  return std::fputs("usage: roots write DIR | roots read ERA DIR\n", stderr), 2;
}
