// Flax's legacy files: bytes in memory, a file on disk, and a raw edit before a new struct takes the values.
#include <cstdio>
#include <string>

#include <orrery/adapters/eigen.hpp>
#include <orrery/orrery.hpp>

namespace fx = orrery::flax;

struct Dense            { Eigen::VectorXf bias; Eigen::MatrixXf kernel; };
struct TrainState       { std::int64_t step = 0; Dense params; orrery::optax::SgdState opt_state; };
struct CustomTrainState { std::int64_t step = 0; Dense params; orrery::optax::SgdState opt_state; orrery::Array<std::int64_t> batch_stats; };

int main(int argc, char** argv) {
  const std::string directory = std::string(argc > 1 ? argv[1] : "/tmp/orrery") + "/legacy";
  TrainState state{1, {Eigen::VectorXf::Constant(3, -0.001f), Eigen::MatrixXf::Random(5, 3)}, {}};

  // Bytes in memory.
  std::string bytes = fx::to_bytes(state);             // == flax.serialization.to_bytes(state), byte for byte
  fx::to_bytes(state, bytes);                          // again, into memory that is there
  TrainState same = fx::from_bytes<TrainState>(bytes);

  // A file: written aside, renamed, older steps removed.
  std::string path = fx::save_checkpoint(directory, state, 0, {.keep = 2, .overwrite = true, .backend = fx::Backend::msgpack});
  TrainState back = fx::restore_checkpoint(directory, TrainState{});

  // A raw edit: the old file lacks batch_stats, which the new struct wants.
  orrery::Tree raw = fx::restore_checkpoint(directory);
  raw["batch_stats"] = orrery::Array<std::int64_t>::arange(10);
  CustomTrainState custom = fx::from_state_dict<CustomTrainState>(raw);

  std::printf("%s: %zu bytes, batch_stats %s\n", path.c_str(), bytes.size(), to_string(custom.batch_stats.shape()).c_str());
  return same.params.kernel == state.params.kernel && back.step == 1 && custom.batch_stats[9] == 9 && custom.params.kernel == state.params.kernel ? 0 : 1;
}
