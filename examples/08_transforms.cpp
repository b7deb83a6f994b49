// A checkpoint of another time: names have changed, matrices were merged, precision was higher. Rules say how it becomes today's state.
#include <cstdio>
#include <string>

#include <orrery/orrery.hpp>

using orrery::Array;
using orrery::Transform;
using orrery::Tree;

struct OldLayer { Array<float> q = Array<float>({4}), k = q, weights = Array<float>::full({8, 4}, 1.5f); };
struct OldState { std::int64_t step = 900; OldLayer block; };

struct Layer { Array<float> qk; Array<orrery::bfloat16> kernel; };
struct State { std::int64_t step = 0; Layer layer; double learning_rate = 0.1; };   // learning_rate was never saved

// All of q, then all of k.
Tree merged(std::string_view, const Tree& original) {
  Array<float> out({8});
  float* to = out.data();
  for (const char* key : {"q", "k"})
    for (float value : original["block"][key].array().values<float>()) *to++ = value;
  return Tree(out);
}

int main(int argc, char** argv) {
  const std::string path = std::string(argc > 1 ? argv[1] : "/tmp/orrery") + "/transforms";
  orrery::PyTreeCheckpointer checkpointer;
  checkpointer.save(path, OldState{}, {.force = true});

  orrery::RestoreReport report;
  const State state = checkpointer.restore(path, State{}, {
      .restore_args = {{"layer/kernel", {.dtype = orrery::DType::bfloat16}}},
      .transforms = orrery::Transforms{
          {"layer/kernel", Transform{.original_key = "block/weights"}},
          {"layer/qk",     Transform{.multi_value_fn = merged, .multi_value_fn_input_args = {{"block/(q|k)", {}}}}},
          {"step",         Transform{.value_fn = [](const Tree& step) { return Tree::scalar(step.scalar<std::int64_t>() / 100); }}}},
      .report = &report});
  for (const auto& leaf : report.leaves)
    std::printf("%-14s %-9s %s\n", leaf.path.c_str(), std::string(name(leaf.action)).c_str(), leaf.detail.c_str());

  // A branch by itself, and the rules on trees in memory.
  const auto block = checkpointer.restore<OldLayer>(path, {.subtree = "block"});
  Tree wanted = Tree::dict();
  wanted["steps"] = std::int64_t{0};
  const Tree changed = orrery::apply_transformations(checkpointer.restore(path), {{"steps", Transform{.original_key = "step"}}}, wanted);
  return state.step == 9 && float(state.layer.kernel.data()[0]) == 1.5f && state.learning_rate == 0.1 && block.weights.size() == 32 &&
                 changed["steps"].scalar<std::int64_t>() == 900
             ? 0
             : 1;
}
