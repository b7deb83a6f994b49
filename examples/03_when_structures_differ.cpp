// A target need not be what was saved: part of it, other dtypes, or something that does not fit, which is said all at once.
#include <cstdio>
#include <string>

#include <orrery/orrery.hpp>

struct Params     { orrery::Array<float> bias{{3}}, kernel{{5, 3}}; };
struct TrainState { std::int64_t step = 7; Params params; orrery::Array<float> batch_stats{{10}}; };
struct Inference  { Params params; };                                    // a part of TrainState
struct DoubleBias { orrery::Array<double> bias; orrery::Array<float> kernel; };
struct Widened    { DoubleBias params; };
struct WithEma    { std::int64_t step = 0; Params params; Params ema; };   // ema was never saved

int main(int argc, char** argv) {
  const std::string path = std::string(argc > 1 ? argv[1] : "/tmp/orrery") + "/differ";
  orrery::PyTreeCheckpointer checkpointer;
  checkpointer.save(path, TrainState{}, {.force = true});

  // The reference is a part: what it does not have is not read, and listed.
  orrery::RestoreReport report;
  Inference part = checkpointer.restore(path, Inference{}, {.report = &report});
  for (const std::string& ignored : report.ignored()) std::printf("ignored: %s\n", ignored.c_str());

  // A wider dtype is taken without asking; anything else needs cast = true.
  Widened wide = checkpointer.restore<Widened>(path);

  // What is missing is an error that names every missing path; the target is as it was.
  WithEma custom;
  try {
    checkpointer.restore_into(path, custom);
  } catch (const orrery::KeyError& error) {
    std::printf("%s\n", error.what());
    return error.missing().size() == 2 && report.ignored().size() == 2 && part.params.kernel.size() == 15 && wide.params.bias.size() == 3 ? 0 : 1;
  }
  return 1;
}
