// Several processes save one checkpoint: each writes the parts of sharded arrays that are its own, rank 0 everything else, the roots of the
// databases and the commit. Between the steps they meet; what goes wrong in one is thrown in all, and nothing is left of it then. Callers
// are the faces: PyTreeCheckpointer at once, AsyncCheckpointer and CheckpointManager also in the background. What a step holds beside
// pytrees is not known here. Restoring needs no meeting: each process reads what it wants.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/distributed/coordinator.hpp"
#include "orrery/orbax/calls.hpp"
#include "orrery/orbax/find_processes.hpp"
#include "orrery/orbax/params.hpp"
#include "orrery/orbax/save_item.hpp"
#include "orrery/orbax/shared_item.hpp"
#include "orrery/storage/atomic_directory.hpp"
#include "orrery/storage/file_system.hpp"
#include "orrery/storage/progress.hpp"
#include "orrery/tree/describe.hpp"
#include "orrery/tree/tree_view.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0::orbax {

// One pytree of those that a step holds.
struct SharedItem {
  std::string name{};  // its directory in the step; empty: the step is this item
  const TreeView* view = nullptr;
};

// What rank 0 alone writes.
class SharedRest {
 public:
  SharedRest() = default;
  SharedRest(const SharedRest&) = delete;
  SharedRest& operator=(const SharedRest&) = delete;
  virtual ~SharedRest() = default;
  // What there is beside the items, while they are written.
  virtual void write_others(const std::string& /*directory*/) const {}
  // What says that all is there. `started`: in nanoseconds of the system's clock.
  virtual void write_last(const storage::AtomicDirectory& directory, std::uint64_t started) const = 0;
};

// What several processes save together: the same path, names, structures and options in all of them.
struct SharedWork {
  std::string path{};
  std::vector<SharedItem> items{};
  SaveOptions options{};
  std::shared_ptr<const SharedRest> rest{};
  std::exception_ptr failure{};  // of this process, which cannot even say what it has: begin() throws it in all of them
};

// One such save, in three parts. begin() and finish() are meetings of all processes, in whatever thread, and use the coordinator; write()
// does the work, alone. An object that is destroyed before finish() leaves nothing.
class SharedSave {
 public:
  explicit SharedSave(SharedWork work) : work_(std::move(work)) {}

  // Refuses what cannot be saved, and makes the directory. The same errors as save_item(), in all processes; TimeoutError that names the
  // ranks which did not come.
  template <OnUse = OnUse()>
  void begin(Coordinator& world) {
    rank_ = world.rank();
    started_ = detail::nanoseconds_now();
    const std::string& path = work_.path;
    world.attempt("the beginning of " + path, deadline(), [&] {
      if (work_.failure) std::rethrow_exception(std::exchange(work_.failure, nullptr));
      detail::check_custom_metadata(work_.options.custom_metadata);
      for (const SharedItem& item : work_.items) {
        params_.push_back(flatten_params(*item.view));
        if (!work_.options.use_ocdbt) check_item_files(params_.back());
      }
      if (rank_ != 0) return;
      aside_.emplace(path, storage::AtomicDirectoryOptions{.force = work_.options.force, .durability = work_.options.durability});
      for (const SharedItem& item : work_.items)
        if (!item.name.empty()) storage::make_directory(aside_->path() + "/" + item.name);
    });
    directory_ = world.broadcast(aside_ ? aside_->path() : std::string(), "the directory of " + path, deadline());
  }

  // This process's share. What goes wrong is thrown by finish(), in all processes.
  template <OnUse = OnUse()>
  void write() noexcept {
    try {
      if (!storage::is_directory(directory_))
        throw IoError("find the directory that rank 0 has made for this save, which has to be on a file system that all processes share",
                      ENOENT, {.file = directory_});
      for (std::size_t i = 0; i < work_.items.size(); ++i) {
        storage::ProgressMeter meter(work_.options.on_progress, progress_of(params_[i]));
        shares_.push_back(detail::write_share(directory_of(i), params_[i], rank_, work_.options, meter));
        meter.complete();
        written_ = meter.now();
      }
      if (rank_ == 0) work_.rest->write_others(directory_);
    } catch (...) {
      fail(std::current_exception());
    }
  }
  // ... something of the caller's own.
  template <OnUse = OnUse()>
  void fail(std::exception_ptr failure) noexcept {
    if (!failure_) failure_ = std::move(failure);
  }

  // Complete under its name in all processes, or not there.
  template <OnUse = OnUse()>
  void finish(Coordinator& world) {
    const std::string& path = work_.path;
    world.attempt("the writing of " + path, deadline(), [&] {
      if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    });
    std::vector<std::vector<std::string>> encoded;  // by items, then by ranks
    for (std::size_t i = 0; i < work_.items.size(); ++i)
      encoded.push_back(world.gather(shares_[i].share.encoded(), "what was written of " + path, deadline()));
    world.attempt("the commit of " + path, deadline(), [&] {
      if (!aside_) return;
      for (std::size_t i = 0; i < work_.items.size(); ++i)
        detail::finish_shared_item(directory_of(i), *work_.items[i].view, params_[i], shares_[i].metadata, std::move(encoded[i]),
                                   work_.options);
      work_.rest->write_last(*aside_, started_);
      commit(*aside_, written_, work_.options);
    });
    aside_.reset();
  }

  template <OnUse = OnUse()>
  void run(Coordinator& world) {
    begin(world);
    write();
    finish(world);
  }

 private:
  template <OnUse = OnUse()>
  Deadline deadline() const noexcept {
    return deadline_in(work_.options.meeting_timeout);
  }
  template <OnUse = OnUse()>
  std::string directory_of(std::size_t i) const {
    return work_.items[i].name.empty() ? directory_ : directory_ + "/" + work_.items[i].name;
  }

  SharedWork work_;
  int rank_ = 0;
  std::uint64_t started_ = 0;
  std::vector<Params> params_{};
  std::optional<storage::AtomicDirectory> aside_{};  // rank 0's
  std::string directory_{};
  std::vector<detail::WrittenShare> shares_{};
  Progress written_{};
  std::exception_ptr failure_{};
};

// One item, which is all that `path` holds, as save_item() writes it.
template <OnUse = OnUse()>
SharedWork item_work(std::string path, const TreeView& view, const SaveOptions& options) {
  struct Rest final : SharedRest {
    explicit Rest(const SaveOptions& how) : options(how) {}
    void write_last(const storage::AtomicDirectory& directory, std::uint64_t started) const override {
      detail::write_step_files(directory, started, options);
    }
    SaveOptions options;
  };
  return {std::move(path), {{{}, &view}}, options, std::make_shared<const Rest>(options), {}};
}

// What takes the place of the work where that could not be found out.
template <OnUse = OnUse()>
SharedWork failed_work(std::string path, const SaveOptions& options, std::exception_ptr failure) {
  return {std::move(path), {}, options, {}, std::move(failure)};
}

// Called by all processes of `world` with the same path, options and structure.
template <OnUse>
void save_item_together(const std::string& path, const TreeView& view, const SaveOptions& options, Coordinator& world) {
  SharedSave(item_work(path, view, options)).run(world);
}

// The processes that hold the sharded arrays of this state together; null where there is but one. ArgumentError where not all of an array
// can be reached, or arrays belong to different ones.
template <OnUse>
std::shared_ptr<Coordinator> processes_of(const TreeView& view) {
  std::shared_ptr<Coordinator> world;
  for (const ArrayParts& array : view.parts) {
    if (!array.is_complete && !array.processes)
      throw ArgumentError("a sharded array spans several processes, but its mesh knows no way to them: make the mesh with a coordinator");
    if (!array.processes || array.processes->size() == 1) continue;
    if (world && world != array.processes)
      throw ArgumentError("two sharded arrays of this state belong to meshes of different coordinators; make them from one");
    world = array.processes;
  }
  return world;
}

// A state, and the processes that save it together; null for one alone.
struct DescribedState {
  TreeView view{};
  std::shared_ptr<Coordinator> processes{};
  std::exception_ptr failure{};  // why there is no view, for failed_work(): the others have to hear of it
};

// Throws what describing does where no other process is waiting for this one.
template <OnUse = OnUse()>
DescribedState describe_together(const TypeOps& ops, const void* value) {
  DescribedState state;
  try {
    state.view = describe(ops, value);
    state.processes = processes_of(state.view);
  } catch (...) {
    state.processes = find_processes(ops, value);
    if (!state.processes) throw;
    state.failure = std::current_exception();
  }
  return state;
}

template <OnUse>
void save_value(const std::string& path, const TypeOps& ops, const void* value, const SaveOptions& options) {
  const DescribedState state = describe_together(ops, value);
  if (state.failure)
    SharedSave(failed_work(path, options, state.failure)).run(*state.processes);
  else if (state.processes)
    save_item_together(path, state.view, options, *state.processes);
  else
    save_item(path, state.view, options);
}

ORRERY_ONCE(SharedWork item_work<>(std::string, const TreeView&, const SaveOptions&));
ORRERY_ONCE(DescribedState describe_together<>(const TypeOps&, const void*));
ORRERY_ONCE(SharedWork failed_work<>(std::string, const SaveOptions&, std::exception_ptr));

}  // namespace orrery::inline v0::orbax
