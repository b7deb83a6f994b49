// A process is killed while its CheckpointManager saves a step and deletes an old one: every step that is listed afterwards is whole, the
// newest complete one is never lost, and the next manager goes on as if nothing had been.
#include <doctest/doctest.h>

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "orrery/checkpoint.hpp"
#include "storage/scratch.hpp"

namespace {

using namespace orrery;
using storage_test::ScratchDirectory;
using Steps = std::vector<std::int64_t>;

struct State {
  std::int64_t number = 0;
  Array<float> values{{100}};
};
State numbered(std::int64_t n) { return {n, Array<float>::full({100}, static_cast<float>(n))}; }
bool is_whole(const State& state, std::int64_t n) { return state.number == n && state.values == numbered(n).values; }

class DieAt final : public storage::FileSystemHook {
 public:
  explicit DieAt(std::size_t call) : left_(call) {}
  int before(storage::FileCall&) noexcept override {
    if (left_-- == 0) std::raise(SIGKILL);
    return 0;
  }

 private:
  std::atomic<std::size_t> left_;  // calls come from the thread that deletes, too
};

}  // namespace

TEST_CASE("a manager killed before any single call of a save or of the deletion after it loses no step that was complete") {
  for (const bool in_background : {false, true})
    for (const Durability durability : {Durability::fast, Durability::synced}) {
      CAPTURE(in_background);
      CAPTURE(durability);
      const CheckpointManagerOptions options{.max_to_keep = 2, .enable_async_checkpointing = in_background};
      std::size_t saw_old = 0, saw_new = 0;
      for (std::size_t call = 0;; ++call) {
        CAPTURE(call);
        ScratchDirectory root;
        {
          CheckpointManager manager(root / "m", options);
          for (std::int64_t step = 1; step < 3; ++step) manager.save(step, numbered(step), {.save = {.durability = Durability::fast}});
        }
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
          try {
            DieAt hook(call);
            storage::ScopedFileSystemHook installed(hook);
            CheckpointManager manager(root / "m", options);
            manager.save(3, numbered(3), {.save = {.durability = durability}});
            manager.close();
          } catch (...) {
            ::_exit(1);
          }
          ::_exit(0);
        }
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        const bool finished = WIFEXITED(status);
        if (finished) REQUIRE(WEXITSTATUS(status) == 0);

        CheckpointManager manager(root / "m", options);
        const Steps steps = manager.all_steps();
        CHECK((steps == Steps{1, 2} || steps == Steps{1, 2, 3} || steps == Steps{2, 3}));
        for (const std::int64_t step : steps) CHECK(is_whole(manager.restore<State>(step), step));
        ++(steps.back() == 3 ? saw_new : saw_old);
        if (finished) CHECK(steps == Steps{2, 3});
        if (steps.back() == 2) manager.save(3, numbered(3), {.save = {.durability = Durability::fast}});
        manager.save(4, numbered(4), {.save = {.durability = Durability::fast}});
        manager.close();
        CHECK(storage::list_directory(root / "m") == std::vector<std::string>{"3", "4"});
        if (finished) break;
      }
      CHECK(saw_old > 3);
      CHECK(saw_new > 3);
    }
}
