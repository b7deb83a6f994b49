// A train state as a plain struct: saved as an Orbax checkpoint, restored in four ways.
#include <cstdio>

#include <orrery/adapters/eigen.hpp>
#include <orrery/orrery.hpp>

struct Dense      { Eigen::VectorXf bias; Eigen::MatrixXf kernel; };
struct TrainState { std::int64_t step = 0; Dense params; orrery::optax::SgdState opt_state; };
struct Config     { orrery::Array<std::int64_t> dimensions; };
struct Checkpoint { TrainState model; Config config; std::vector<orrery::Array<float>> data; };

int main(int argc, char** argv) {
  const std::string path = std::string(argc > 1 ? argv[1] : "/tmp/orrery") + "/single_save";
  Checkpoint ckpt{{1, {Eigen::VectorXf::Constant(3, -0.001f), Eigen::MatrixXf::Random(5, 3)}, {}},
                  {orrery::Array<std::int64_t>::from({5, 3})},
                  {orrery::Array<float>::from({0.6f, 0.2f, 2.4f, 0.03f, 1.2f})}};

  orrery::PyTreeCheckpointer checkpointer;
  checkpointer.save(path, ckpt, {.force = true});                      // without force: AlreadyExistsError if something is there

  orrery::Tree raw = checkpointer.restore(path);                       // no target: dicts, lists, arrays, none
  float k = raw["model"]["params"]["kernel"].array().at<float>({4, 2});
  Checkpoint same = checkpointer.restore<Checkpoint>(path);            // the type decides
  orrery::RestoreReport report = checkpointer.restore_into(path, ckpt);  // into the arrays that are there
  orrery::TreeMetadata meta = checkpointer.metadata(path);             // names, shapes, dtypes; reads no values

  for (const auto& leaf : meta.leaves())
    std::printf("%-22s %-8s %s\n", leaf.path.c_str(), std::string(name(leaf.dtype)).c_str(), to_string(leaf.shape).c_str());
  return k == ckpt.model.params.kernel(4, 2) && same.model.params.kernel == ckpt.model.params.kernel && report.leaves.size() == 5 ? 0 : 1;
}
