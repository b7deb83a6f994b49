// A type that knows what it stores: its schema pinned in the source, carried by its checkpoints, and compared when they are restored.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <orrery/orrery.hpp>

// A class that keeps its invariant gives no address away: a getter saves, a setter restores.
class Schedule {
 public:
  double rate() const { return rate_; }
  void set_rate(double rate) { rate_ = rate > 0 ? rate : 1e-3; }

 private:
  double rate_ = 1e-3;
};

template <>
struct orrery::Reflect<Schedule> {
  static constexpr auto fields = orrery::fields(orrery::field("rate", &Schedule::rate, &Schedule::set_rate));
};

struct State {
  std::int64_t step = 0;
  std::vector<float> weights{0.5f, 0.25f};
  Schedule schedule;
  std::set<std::string> frozen{"embedding"};
  std::chrono::seconds trained{};
  std::filesystem::path data{"/data/digits"};
};

// Whoever changes State is told here, before a checkpoint of last week is not found to fit.
using namespace orrery::literals;
static_assert(orrery::matches<State>(R"(
  step: int64
  weights: float32[?]
  schedule/rate: float64
  frozen/[]: string
  trained: int64
  data: string
)"_schema));
static_assert(orrery::fingerprint<State>() == orrery::text_fingerprint(orrery::schema<State>()));

// What State was before.
struct Before {
  std::int64_t step = 7;
  std::vector<double> weights{0.5, 0.25};
  Schedule schedule;
  std::set<std::string> frozen{"embedding"};
  std::chrono::seconds trained{90};
};

int main(int argc, char** argv) {
  const std::string path = std::string(argc > 1 ? argv[1] : "/tmp/orrery") + "/schema";
  orrery::PyTreeCheckpointer checkpointer;
  checkpointer.save(path, Before(), {.force = true});

  try {
    checkpointer.restore<State>(path);
  } catch (const orrery::MismatchError& e) {
    std::printf("%s\n\n", e.what());  // weights: float64[?] is now float32[?], data: string is new
  }
  orrery::RestoreReport report;
  State state = checkpointer.restore(path, State(), {.transforms = {}, .cast = true, .report = &report});
  for (const std::string& change : report.type_changes) std::printf("%s\n", change.c_str());
  return state.step == 7 && state.trained == std::chrono::seconds(90) && report.type_changes.size() == 2 ? 0 : 1;
}
