// A CheckpointManager, and the policies, driven by commands: one JSON object a line in, one out. orbax_model.py answers the same commands
// with real Orbax; run.py compares the two. Options and policies have Orbax's names.
#include <signal.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/checkpoint.hpp"
#include "orrery/formats/json.hpp"

namespace {

using namespace orrery;
using json::Value;

double loss(const Metrics& metrics) { return metrics["loss"]; }

std::int64_t integer(const Value& value) { return *value.integer(); }
double number(const Value& value) { return value.integer() ? static_cast<double>(*value.integer()) : *value.number(); }
std::optional<std::int64_t> optional_integer(const Value* value) {
  return !value || value->is_null() ? std::nullopt : std::optional(integer(*value));
}
std::optional<std::chrono::seconds> optional_seconds(const Value* value) {
  const auto count = optional_integer(value);
  return count ? std::optional(std::chrono::seconds(*count)) : std::nullopt;
}
std::vector<std::int64_t> integers(const Value& value) {
  std::vector<std::int64_t> list;
  for (const Value& element : *value.array()) list.push_back(integer(element));
  return list;
}
bool flag(const Value* value, bool otherwise) { return value ? *value->boolean() : otherwise; }

PreservationPolicy preservation_policy(const Value& value) {
  const std::string& kind = *value.find("kind")->string();
  const auto get = [&](const char* name) { return value.find(name); };
  if (kind == "PreserveAll") return PreserveAll{};
  if (kind == "LatestN") return LatestN{optional_integer(get("n"))};
  if (kind == "EveryNSeconds") return EveryNSeconds{*optional_seconds(get("interval_secs"))};
  if (kind == "EveryNSteps")
    return EveryNSteps{integer(*get("interval_steps")), flag(get("exact_interval"), true), optional_integer(get("max_to_keep"))};
  if (kind == "EveryNStepsClosest") return EveryNStepsClosest{integer(*get("interval_steps")), optional_integer(get("max_to_keep"))};
  if (kind == "CustomSteps") return CustomSteps{integers(*get("steps"))};
  if (kind == "LatestDuration") return LatestDuration{*optional_seconds(get("duration"))};
  if (kind == "BestN")
    return BestN{loss, flag(get("reverse"), false), optional_integer(get("n")), flag(get("keep_checkpoints_without_metrics"), true)};
  AnyPreservationPolicy any;
  for (const Value& below : *get("policies")->array()) any.policies.push_back(preservation_policy(below));
  return any;
}

SaveDecisionPolicy save_policy(const Value& value) {
  const std::string& kind = *value.find("kind")->string();
  if (kind == "FixedIntervalPolicy") return FixedIntervalPolicy{integer(*value.find("interval"))};
  if (kind == "SpecificStepsPolicy") return SpecificStepsPolicy{integers(*value.find("steps"))};
  if (kind == "ContinuousCheckpointingPolicy") return ContinuousCheckpointingPolicy{optional_seconds(value.find("minimum_interval_secs"))};
  if (kind == "PreemptionCheckpointingPolicy") return PreemptionCheckpointingPolicy{};
  if (kind == "InitialSavePolicy") return InitialSavePolicy{};
  AnySavePolicy any;
  for (const Value& below : *value.find("policies")->array()) any.policies.push_back(save_policy(below));
  return any;
}

CheckpointManagerOptions options(const Value& value) {
  CheckpointManagerOptions out;
  const auto get = [&](const char* name) { return value.find(name); };
  if (const Value* v = get("save_interval_steps")) out.save_interval_steps = integer(*v);
  out.max_to_keep = optional_integer(get("max_to_keep"));
  out.keep_time_interval = optional_seconds(get("keep_time_interval"));
  out.keep_period = optional_integer(get("keep_period"));
  if (get("best")) out.best_fn = loss;
  if (const Value* v = get("best_mode")) out.best_mode = *v->string();
  out.keep_checkpoints_without_metrics = flag(get("keep_checkpoints_without_metrics"), true);
  if (const Value* v = get("step_prefix")) out.step_prefix = *v->string();
  if (const auto v = optional_integer(get("step_format_fixed_length"))) out.step_format_fixed_length = static_cast<int>(*v);
  if (const Value* v = get("save_on_steps")) out.save_on_steps = integers(*v);
  if (const Value* v = get("todelete_subdir")) out.todelete_subdir = *v->string();
  out.cleanup_tmp_directories = flag(get("cleanup_tmp_directories"), false);
  out.enable_async_checkpointing = flag(get("async"), false);
  if (const Value* v = get("preservation_policy")) out.preservation_policy = preservation_policy(*v);
  return out;
}

std::vector<StepInfo> infos(const Value& value, StepTime zero) {
  std::vector<StepInfo> out;
  for (const Value& element : *value.array()) {
    const Value::Array& parts = *element.array();
    out.push_back({integer(parts[0]), zero + std::chrono::seconds(integer(parts[1])),
                   parts[2].is_null() ? Metrics() : Metrics{{"loss", number(parts[2])}}});
  }
  return out;
}

// Ends the process at a point of a save.
class StopAt final : public storage::FileSystemHook {
 public:
  explicit StopAt(std::string_view point) : point_(point) {}
  int before(storage::FileCall& call) noexcept override {
    using storage::FileOperation;
    const std::string_view path = call.path;
    const bool deletes =
        call.operation == FileOperation::rename && call.new_path && std::string_view(call.new_path).find("/deleted-") != path.npos;
    const bool commits = call.operation == FileOperation::exchange;
    if (point_ == "before commit" && commits) ::raise(SIGKILL);
    if (point_ == "after commit" && deletes) ::raise(SIGKILL);
    if (point_ == "during deletion" &&
        ((deletes && deleted_++ == 1) || (call.operation == FileOperation::remove_file && path.find("/deleted-") != path.npos)))
      ::raise(SIGKILL);
    return 0;
  }

 private:
  std::string_view point_;
  int deleted_ = 0;
};

std::string list(const std::vector<std::int64_t>& steps) {
  std::string text = "[";
  for (const std::int64_t step : steps) text += (text.size() > 1 ? ", " : "") + std::to_string(step);
  return text + "]";
}
std::string text(std::optional<std::int64_t> step) { return step ? std::to_string(*step) : "null"; }

class Model {
 public:
  std::string answer(const Value& command) {
    const std::string& op = *command.find("op")->string();
    if (op == "keep") {
      const std::vector<StepInfo> steps = infos(*command.find("steps"), {});
      const auto when = StepTime(std::chrono::seconds(integer(*command.find("now"))));
      const std::vector<StepVerdict> verdicts = preservation_policy(*command.find("policy")).explain(steps, {when});
      std::vector<std::int64_t> kept;
      for (const StepVerdict& verdict : verdicts)
        if (verdict.stays) kept.push_back(verdict.step);
      return list(kept);
    }
    if (op == "decide") {
      const std::vector<StepInfo> steps = infos(*command.find("steps"), {});
      const StepInfo step = infos(*command.find("step"), {})[0];
      const SaveContext context{flag(command.find("saving"), false), flag(command.find("preempted"), false)};
      return save_policy(*command.find("policy")).explain(step, steps, context).saves ? "true" : "false";
    }
    std::string result = "null";
    try {
      if (op == "open") {
        manager_.reset();
        manager_ = std::make_unique<CheckpointManager>(*command.find("root")->string(), options(*command.find("options")));
      } else if (op == "save") {
        result = save(command) ? "true" : "false";
      } else if (op == "delete") {
        manager_->delete_step(integer(*command.find("step")));
      } else if (op == "reload") {
        manager_->reload();
      }
    } catch (const AlreadyExistsError&) {
      result = "\"exists\"";
    } catch (const NotFoundError&) {
      result = "\"not found\"";
    }
    return "{\"result\": " + result + ", \"steps\": " + list(manager_->all_steps()) + ", \"latest\": " + text(manager_->latest_step()) +
           ", \"best\": " + text(manager_->best_step()) + "}";
  }

 private:
  bool save(const Value& command) {
    const std::int64_t step = integer(*command.find("step"));
    const Value* metric = command.find("loss");
    ManagerSaveArgs args{.force = flag(command.find("force"), false), .save = {.durability = Durability::fast}};
    if (metric && !metric->is_null()) args.metrics = {{"loss", number(*metric)}};
    const std::map<std::string, Array<std::int64_t>> state{{"a", Array<std::int64_t>::full({3}, step)}};
    const Value* stop = command.find("stop");
    if (!stop) {
      const bool saved = manager_->save(step, state, args);
      manager_->wait_until_finished();
      return saved;
    }
    StopAt hook(*stop->string());
    storage::ScopedFileSystemHook installed(hook);
    try {
      manager_->save(step, state, args);
      manager_->wait_until_finished();
    } catch (const Error&) {  // a step that exists
    }
    ::raise(SIGKILL);  // there was no such point in this save
    return false;
  }

  std::unique_ptr<CheckpointManager> manager_{};
};

}  // namespace

int main() {
  Model model;
  for (std::string line; std::getline(std::cin, line);) {
    const std::string answer = model.answer(json::parse(line, {}, {.nan_and_infinity = true}));
    std::printf("%s\n", answer.c_str());
    std::fflush(stdout);
  }
  return 0;
}
