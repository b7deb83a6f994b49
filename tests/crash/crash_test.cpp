// A process is killed (SIGKILL, no destructor runs) while it saves: what is under the name afterwards is the old checkpoint or the new
// one, whole, and the next save works. Both formats, at every single call to the file system and at random moments.
#include <doctest/doctest.h>

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "orrery/checkpoint.hpp"
#include "orrery/flax.hpp"
#include "storage/scratch.hpp"

namespace {

using namespace orrery;
using storage_test::ScratchDirectory;

// Every element is the number of the save, so that a mixture shows.
struct State {
  std::int64_t number = 0;
  Array<float> small{{3}};
  Array<double> large{{20000}};
  std::vector<Array<std::int32_t>> many = std::vector<Array<std::int32_t>>(5, Array<std::int32_t>({10}));
  std::string text{};
};

State numbered(std::int64_t n) {
  State state;
  state.number = n;
  state.small = Array<float>::full({3}, static_cast<float>(n));
  state.large = Array<double>::full({20000}, static_cast<double>(n));
  for (Array<std::int32_t>& array : state.many) array = Array<std::int32_t>::full({10}, static_cast<std::int32_t>(n));
  state.text = std::to_string(n);
  return state;
}

bool is_whole(const State& state) {
  const State want = numbered(state.number);
  return state.small == want.small && state.large == want.large && state.many == want.many && state.text == want.text;
}

// The two formats through one face: save at a name that exists, restore the number or -1 where there is nothing.
struct Format {
  const char* name;
  void (*save)(const std::string& root, std::int64_t n, Durability durability);
  State (*restore)(const std::string& root);
};
const Format formats[] = {
    {"orbax",
     [](const std::string& root, std::int64_t n, Durability durability) {
       PyTreeCheckpointer().save(root + "/item", numbered(n), {.force = true, .durability = durability});
     },
     [](const std::string& root) { return PyTreeCheckpointer().restore<State>(root + "/item"); }},
    {"flax",
     [](const std::string& root, std::int64_t n, Durability durability) {
       flax::save_checkpoint(root, numbered(n), 7, {.overwrite = true, .backend = flax::Backend::msgpack, .durability = durability});
     },
     [](const std::string& root) {
       State target;
       target.number = -1;
       State found = flax::restore_checkpoint(root, target);  // as Flax does, the target comes back where there is no file
       if (found.number == -1) throw NotFoundError("nothing there");
       return found;
     }}};

std::int64_t number_at(const Format& format, const std::string& root) {
  try {
    const State state = format.restore(root);
    return is_whole(state) ? state.number : -2;
  } catch (const NotFoundError&) {
    return -1;
  }
}

class DieAt : public storage::FileSystemHook {
 public:
  explicit DieAt(std::size_t call) : left_(call) {}
  int before(storage::FileCall&) noexcept override {
    if (left_-- == 0) std::raise(SIGKILL);
    return 0;
  }

 private:
  std::atomic<std::size_t> left_;  // flushes come from several threads
};

// Runs `body` in a process of its own; whether it ended by itself.
template <class Body>
pid_t start(Body&& body) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    try {
      body();
    } catch (...) {
      ::_exit(1);
    }
    ::_exit(0);
  }
  return child;
}
bool ended_by_itself(pid_t child) {
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  if (WIFEXITED(status)) REQUIRE(WEXITSTATUS(status) == 0);
  return WIFEXITED(status);
}

int rounds() {
  const char* asked = std::getenv("ORRERY_CRASH_ROUNDS");
  return asked ? std::atoi(asked) : 60;
}

}  // namespace

TEST_CASE("a process killed before any single call of a save leaves the old checkpoint or the new one") {
  for (const Format& format : formats)
    for (const bool replaces : {false, true})
      for (const Durability durability : {Durability::fast, Durability::synced}) {
        CAPTURE(format.name);
        CAPTURE(replaces);
        std::size_t saw_old = 0, saw_new = 0;
        for (std::size_t call = 0;; ++call) {
          CAPTURE(call);
          ScratchDirectory root;
          if (replaces) format.save(root.path(), 1, Durability::fast);
          const bool finished = ended_by_itself(start([&] {
            DieAt hook(call);
            storage::ScopedFileSystemHook installed(hook);
            format.save(root.path(), 2, durability);
          }));
          const std::int64_t found = number_at(format, root.path());
          CHECK((found == 2 || found == (replaces ? 1 : -1)));
          if (finished) CHECK(found == 2);
          ++(found == 2 ? saw_new : saw_old);
          format.save(root.path(), 3, Durability::fast);
          CHECK(number_at(format, root.path()) == 3);
          CHECK(storage::list_directory(root.path()).size() == 1);  // nothing of the dead one remains
          if (finished) break;
        }
        CHECK(saw_old > 3);
        CHECK(saw_new > 0);
      }
}

TEST_CASE("a process killed at a random moment loses nothing that it had reported as saved") {
  std::mt19937 random(7);
  std::int64_t saved_in_all = 0;
  for (const Format& format : formats)
    for (int round = 0; round < rounds(); ++round) {
      CAPTURE(format.name);
      CAPTURE(round);
      ScratchDirectory root;
      int reports[2];
      REQUIRE(::pipe(reports) == 0);
      const Durability durability = round % 4 ? Durability::fast : Durability::synced;
      const pid_t child = start([&] {
        for (std::int64_t n = 1;; ++n) {
          format.save(root.path(), n, durability);
          if (::write(reports[1], &n, sizeof n) != sizeof n) ::_exit(1);
        }
      });
      std::this_thread::sleep_for(std::chrono::microseconds(std::uniform_int_distribution<int>(0, 12000)(random)));
      ::kill(child, SIGKILL);
      CHECK_FALSE(ended_by_itself(child));
      ::close(reports[1]);
      std::int64_t reported = 0;
      for (std::int64_t n = 0; ::read(reports[0], &n, sizeof n) == sizeof n;) reported = n;
      ::close(reports[0]);
      const std::int64_t found = number_at(format, root.path());
      CHECK((found == reported || found == reported + 1 || (reported == 0 && found == -1)));
      saved_in_all += reported;
    }
  CHECK(saved_in_all > 0);
}
