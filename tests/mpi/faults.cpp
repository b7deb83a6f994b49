// One of several ranks dies, is stuck, or has no disk left while all save a step: what faults.py runs, with a launcher that leaves the
// others alive.
//   faults fail DIR FAULT RANK WHERE ASYNC   step 0 is saved, then step 1 with the fault; the others say what they were told, and when
//   faults check DIR                         a new job: step 0 alone is there and whole, and step 1 can be saved
// FAULT is kill, stuck or full; WHERE an operation on files, or "absent" for a rank that never comes.
#include <mpi.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "orrery/adapters/mpi.hpp"
#include "orrery/checkpoint.hpp"
#include "orrery/sharding.hpp"
#include "orrery/storage/file_hook.hpp"

namespace {

using namespace orrery;
using Clock = std::chrono::steady_clock;
using State = std::map<std::string, ShardedArray<float>>;

constexpr std::chrono::seconds deadline{3};
constexpr std::chrono::seconds in_time{25};  // a few meetings, and the news of their failure, on a busy machine

State state_of(const mpi::Communicator& world, float value) {
  const NamedSharding sharding(Mesh(world, {world.size()}, {"x"}), {"x"});
  State state;
  for (const char* name : {"kernel", "bias"}) {
    auto& array = state.emplace(name, ShardedArray<float>({world.size() * 64, 32}, sharding)).first->second;
    for (auto& shard : array.addressable_shards())
      for (float& element : shard.values()) element = value;
  }
  return state;
}

// Does its worst at the first call of that operation, once it is armed.
struct FaultHook final : storage::FileSystemHook {
  std::string fault{}, where{};
  std::atomic<bool> armed{false};

  int before(storage::FileCall& call) noexcept override {
    if (!armed.load() || where != name_of(call.operation)) return 0;
    if (fault == "full") return ENOSPC;
    if (!armed.exchange(false)) return 0;
    strike();
    return 0;
  }
  void strike() const noexcept {
    if (fault == "kill") std::raise(SIGKILL);
    std::this_thread::sleep_for(in_time + std::chrono::seconds(5));
    std::_Exit(0);
  }
  static const char* name_of(storage::FileOperation operation) noexcept {
    using storage::FileOperation;
    switch (operation) {
      case FileOperation::make_directory: return "make_directory";
      case FileOperation::write: return "write";
      case FileOperation::rename: return "rename";
      case FileOperation::exchange: return "rename";
      default: return "";
    }
  }
};

// In "waited 3 s at ... for ranks 2 and 3 of 4 in vain". In the background, who waits behind the missing one for the save's beginning
// cannot be told from it, and is named too.
bool is_named(int rank, const std::string& told) {
  const std::size_t from = told.find(" for rank"), end = told.find(" of ", from);
  return from != std::string::npos && told.substr(from, end - from).find(std::to_string(rank)) != std::string::npos;
}

CheckpointManagerOptions options_of(const mpi::Communicator& world, bool is_async) {
  return {.enable_async_checkpointing = is_async, .processes = world};
}
ManagerSaveArgs args() { return {.save = {.durability = Durability::fast, .meeting_timeout = deadline}}; }

int fail(const mpi::Communicator& world, char** argv) {
  static FaultHook hook;
  const storage::ScopedFileSystemHook scope(hook);
  hook.fault = argv[3];
  const int victim = std::atoi(argv[4]);
  const std::string where = argv[5];
  hook.where = where;
  const bool is_async = argv[6] == std::string("async");

  CheckpointManager manager(argv[2], options_of(world, is_async));
  manager.save(0, state_of(world, 0));
  manager.wait_until_finished();
  world.coordinator()->barrier("before the fault", deadline_in(std::chrono::minutes(1)));

  if (world.rank() == victim) {
    hook.armed = true;
    if (where == "absent") hook.strike();
  }
  const Clock::time_point started = Clock::now();
  std::string told = "nothing";
  bool is_right = false;
  try {
    manager.save(1, state_of(world, 1), args());
    manager.wait_until_finished();
  } catch (const TimeoutError& error) {
    told = std::string("TimeoutError: ") + error.what();
    is_right = hook.fault != "full" && is_named(victim, told);
  } catch (const IoError& error) {
    told = std::string("IoError: ") + error.what();
    is_right = hook.fault == "full" && error.code() == ENOSPC && told.find("rank " + std::to_string(victim)) != std::string::npos;
  } catch (const std::exception& error) {
    told = std::string("another error: ") + error.what();
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - started).count();
  is_right = is_right && Clock::now() - started < in_time && manager.all_steps(true) == std::vector<std::int64_t>{0};
  std::printf("%s %s of rank %d at %s, %s: rank %d was told after %.1f s %s\n", is_right ? "PASS" : "FAIL", argv[3], victim, argv[5],
              argv[6], world.rank(), seconds, told.c_str());
  std::fflush(stdout);
  if (hook.fault == "full") return is_right ? 0 : 1;
  std::_Exit(is_right ? 0 : 1);  // MPI_Finalize would wait for the dead
}

int check(const mpi::Communicator& world, char** argv) {
  CheckpointManager manager(argv[2], options_of(world, false));
  bool is_right = manager.all_steps() == std::vector<std::int64_t>{0};
  State restored = manager.restore(0, state_of(world, 7));
  is_right = is_right && restored == state_of(world, 0);
  is_right = manager.save(1, state_of(world, 1), args()) && is_right;
  restored = manager.restore(1, state_of(world, 7));
  is_right = is_right && restored == state_of(world, 1);
  if (world.rank() == 0 || !is_right) std::printf("%s the next job, rank %d\n", is_right ? "PASS" : "FAIL", world.rank());
  return is_right ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  int level = 0, status = 2;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &level);
  if (argv[1] == std::string("check")) status = check(mpi::world(), argv);
  if (argv[1] == std::string("fail") && argc == 7) status = fail(mpi::world(), argv);
  MPI_Finalize();
  return status;
}
