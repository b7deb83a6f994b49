// flax.training.checkpoints: one step saved into a directory, at once or in the background, one step restored from it
// (spec/flax-legacy.md 4). Naming, listing and clean-up are in checkpoint_files.hpp; what is in a file in msgpack_file.hpp.
#pragma once

#include <cerrno>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "orrery/core/error.hpp"
#include "orrery/core/log.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/flax/async_manager.hpp"
#include "orrery/flax/checkpoint_files.hpp"
#include "orrery/flax/checkpoint_names.hpp"
#include "orrery/flax/config.hpp"
#include "orrery/flax/msgpack_file.hpp"
#include "orrery/flax/orbax_backend.hpp"
#include "orrery/flax/process_arrays.hpp"
#include "orrery/flax/state_dict.hpp"
#include "orrery/reflect/reflectable.hpp"
#include "orrery/storage/durability.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0::flax {

enum class Backend : std::uint8_t {
  automatic,  // Orbax, unless config().flax_use_orbax_checkpointing was set to false
  msgpack,    // one file
  orbax,      // a directory
};

struct SaveCheckpointOptions {
  std::string prefix = "checkpoint_";
  std::int64_t keep = 1;                             // newest ones that stay; 0: all
  bool overwrite = false;                            // replace this step and remove newer ones
  std::optional<std::int64_t> keep_every_n_steps{};  // of those that would go, keep one every so many steps
  AsyncManager* async_manager = nullptr;             // wait for its save before; write a msgpack file in the background
  AsyncCheckpointer* orbax_checkpointer = nullptr;   // ... an Orbax directory, whatever the switch says
  Backend backend = Backend::automatic;
  Durability durability = Durability::synced;
  std::chrono::nanoseconds meeting_timeout = default_meeting_timeout;  // as SaveOptions::meeting_timeout
};

struct RestoreCheckpointOptions {
  std::optional<Step> step{};  // absent: the newest
  std::string prefix = "checkpoint_";
  bool parallel = true;                              // read large msgpack files with several threads
  AsyncCheckpointer* orbax_checkpointer = nullptr;   // wait for its pending save first
  Transforms orbax_transforms = Transforms::none();  // Orbax directories, into a target: as RestoreOptions::transforms; none(): {}
  bool cast = false;                                 // any dtype may become any other (StateDictOptions, RestoreOptions)
};

template <class T>
inline constexpr bool is_checkpoint_options = std::same_as<T, SaveCheckpointOptions> || std::same_as<T, RestoreCheckpointOptions>;

// For one process: where the state has sharded arrays of several, save_checkpoint_multiprocess is meant, and a warning says so.
// Writes the state of `target` as `<directory>/<prefix><step>`, aside first and then under its name, removes what `keep` says, and
// returns the path. Without overwrite AlreadyExistsError where this step exists, or, with msgpack, a newer one. IoError leaves what was
// there. In the background the state is the one of now, copied: it may change as soon as this returns; what goes wrong later is thrown by
// the manager's or the checkpointer's next call.
template <PyTree T>
std::string save_checkpoint(const std::string& directory, const T& target, const Step& step, const SaveCheckpointOptions& options = {});

// The same as Flax has it for several processes: all of those that hold the state's sharded arrays call it, and write one Orbax directory
// together. Keys of a msgpack file, which only a state in one process can become, are sorted at every level; with Orbax what goes is
// chosen before the new one is there, so that up to keep + 1 stay.
template <PyTree T>
std::string save_checkpoint_multiprocess(const std::string& directory, const T& target, const Step& step,
                                         const SaveCheckpointOptions& options = {});

// The tree in a checkpoint: the step asked for, or the newest in a directory, or the file that `directory` names. None where there is
// nothing and no step was asked for; NotFoundError where a step was. Arrays that several processes wrote beside the file are the strings
// that stand for them, as in Flax; a target, or a type, has them read.
template <OnUse = OnUse()>
Tree restore_checkpoint(const std::string& directory, const RestoreCheckpointOptions& options = {});

// ... into a target, by the rules of from_state_dict (an Orbax directory: of PyTreeCheckpointer::restore with transforms, so that what
// the checkpoint lacks keeps the target's value); the target unchanged where there is nothing and no step was asked for.
template <class... Explicit, PyTree T>
  requires(!is_checkpoint_options<T> && (sizeof...(Explicit) == 0 || (std::same_as<Explicit, T> && ...)))
T restore_checkpoint(const std::string& directory, T target, const RestoreCheckpointOptions& options = {});

// ... as a new T; NotFoundError where there is nothing.
template <PyTree T>
  requires(!is_checkpoint_options<T>)
T restore_checkpoint(const std::string& directory, const RestoreCheckpointOptions& options = {});

namespace detail {

template <OnUse = OnUse()>
inline void refuse_scheme(const std::string& directory) {
  if (const std::size_t length = scheme_length(directory))
    throw ArgumentError("orrery reads and writes local or mounted paths only; \"" + directory.substr(0, length) + "\" is neither",
                        {.file = directory});
}

enum class Caller : std::uint8_t { one_process, multiprocess };

// 4.4, 4.9.
template <OnUse = OnUse()>
inline void save_msgpack_checkpoint(TreeView view, const CheckpointPaths& paths, const Step& step, Caller caller,
                                    const SaveCheckpointOptions& options) {
  log(LogLevel::info,
      "Flax Checkpointing will soon be deprecated in favor of Orbax (https://github.com/google/orbax). Please refer to the Checkpoint "
      "Upgrade Guide (https://flax.readthedocs.io/en/latest/guides/converting_and_upgrading/orbax_upgrade_guide.html) to self-migrate "
      "your code to ocp.");
  if (!options.overwrite) check_overwrite(paths, step.text());
  if (options.overwrite && storage::is_directory(paths.final_path))
    throw IoError("a directory cannot be replaced by a file: this step was saved with the Orbax backend; remove it first", EISDIR,
                  {.file = paths.final_path});
  const Retention retention{options.keep, options.overwrite, options.keep_every_n_steps};
  const bool sorted = caller == Caller::multiprocess;
  const auto write = [paths, retention, durability = options.durability](const msgpack_format::Image& image) {
    write_msgpack_file(image, paths.final_path, {paths.temporary, retention.overwrite, durability});
    clean_up(paths, retention, false);
  };
  if (!options.async_manager) return write(msgpack_format::image_of_state_dict(view, {}, sorted));
  orbax::AsyncEngine::Turn turn = engine_of(*options.async_manager).start(paths.final_path);
  std::shared_ptr<orbax::Snapshot> snapshot = turn.copy(std::move(view));
  auto image = std::make_shared<const msgpack_format::Image>(msgpack_format::image_of_state_dict(snapshot->view(), {}, sorted));
  turn.submit([snapshot = std::move(snapshot), image = std::move(image), write](orbax::SaveControl&) { write(*image); });
}

// save_checkpoint of a state that several processes hold: in Flax this hangs where one of them calls it alone (8.1, S27).
template <class Save>
void save_as_one_of_several(const std::string& path, Save&& save) {
  log(LogLevel::warning,
      "save_checkpoint of a state with sharded arrays of several processes waits until all of them have called it; "
      "save_checkpoint_multiprocess is the function for that: " +
          path);
  try {
    save();
  } catch (const TimeoutError& error) {
    throw TimeoutError(std::string(error.what()) + "; call save_checkpoint_multiprocess in every process", error.where());
  }
}

template <OnUse = OnUse()>
std::string save_view_as_checkpoint(const std::string& directory, TreeView view, const Step& step, Caller caller,
                                    const SaveCheckpointOptions& options) {
  if (options.async_manager) options.async_manager->wait_previous_save();
  refuse_scheme(directory);
  const CheckpointPaths paths = checkpoint_paths(directory, options.prefix, step);
  if (options.orbax_checkpointer && options.backend == Backend::msgpack)
    throw ArgumentError(
        "an orbax_checkpointer writes no msgpack files: leave out one of the two; in the background these are written by an "
        "async_manager");
  const bool use_orbax = options.orbax_checkpointer || options.backend == Backend::orbax ||
                         (options.backend == Backend::automatic && config().flax_use_orbax_checkpointing);
  if (use_orbax) {
    const auto save = [&] {
      save_orbax_checkpoint(std::move(view), paths, {options.keep, options.overwrite, options.keep_every_n_steps},
                            {.force = options.overwrite, .durability = options.durability, .meeting_timeout = options.meeting_timeout},
                            caller == Caller::multiprocess, options.orbax_checkpointer);
    };
    if (caller == Caller::one_process && orbax::processes_of(view))
      save_as_one_of_several(paths.final_path, save);
    else
      save();
  } else {
    save_msgpack_checkpoint(std::move(view), paths, step, caller, options);
  }
  return paths.final_path;
}

// 4.11 step 2: the path of the checkpoint, or nothing where there is none to be had and none was asked for by its step.
template <OnUse = OnUse()>
std::optional<std::string> checkpoint_to_restore(const std::string& directory, const RestoreCheckpointOptions& options) {
  if (options.orbax_checkpointer) options.orbax_checkpointer->wait_until_finished();
  refuse_scheme(directory);
  const std::string plain = safe_normpath(directory);
  if (options.step) {
    const std::string path = join_path(plain, options.prefix + options.step->text());
    if (!storage::exists(path)) throw NotFoundError("Matching checkpoint not found: " + path);
    return path;
  }
  if (!storage::exists(plain)) {
    log(LogLevel::info, "Found no checkpoint directory at " + plain);
    return std::nullopt;
  }
  if (!storage::is_directory(plain) || is_orbax_checkpoint(plain)) return plain;
  std::optional<std::string> latest = latest_checkpoint(plain, options.prefix);
  if (!latest) log(LogLevel::info, "Found no checkpoint files in " + plain + " with prefix " + options.prefix);
  return latest;
}

template <OnUse = OnUse()>
bool is_orbax_directory(const std::string& path) {
  return storage::is_directory(path) && is_orbax_checkpoint(path);
}

// The msgpack file at that path; a directory is Orbax's, or nobody's.
template <OnUse = OnUse()>
inline MsgpackFile open_msgpack_file(const std::string& path) {
  if (storage::is_directory(path))
    throw IoError("Is a directory: expected a msgpack file, or a directory with one of Orbax's files checkpoint, _METADATA, manifest.ocdbt",
                  EISDIR, {.file = path});
  return MsgpackFile(path);
}

// 4.11 step 5: what the msgpack file at that path holds, and the arrays that its placeholders stand for, into an object.
template <OnUse = OnUse()>
void fill_from_msgpack_file(const TypeOps& ops, void* object, bool structured, const std::string& path,
                            const RestoreCheckpointOptions& how) {
  const StateDictOptions options{how.cast};
  const MsgpackFile file = open_msgpack_file(path);
  const bool wants_text = ops.kind == TypeKind::leaf && ops.leaf.kind == LeafKind::string;  // a string at the root is one (4.9)
  if (wants_text || !ProcessArrays::are_in(file.tree())) {
    fill_from_state(ops, object, structured, file.tree(), options, {.file = path},
                    [&](const std::vector<Slot>& slots) { file.read(slots, how.parallel); });
    return;
  }
  ProcessArrays arrays(path);
  const Tree state = arrays.described(file.tree());
  fill_from_state(ops, object, structured, state, options, {.file = path},
                  [&](const std::vector<Slot>& slots) { file.read(arrays.read(slots), how.parallel); });
}

ORRERY_ONCE(std::string save_view_as_checkpoint<>(const std::string&, TreeView, const Step&, Caller, const SaveCheckpointOptions&));
ORRERY_ONCE(std::optional<std::string> checkpoint_to_restore<>(const std::string&, const RestoreCheckpointOptions&));
ORRERY_ONCE(bool is_orbax_directory<>(const std::string&));
ORRERY_ONCE(void fill_from_msgpack_file<>(const TypeOps&, void*, bool, const std::string&, const RestoreCheckpointOptions&));

}  // namespace detail

template <PyTree T>
std::string save_checkpoint(const std::string& directory, const T& target, const Step& step, const SaveCheckpointOptions& options) {
  return detail::save_view_as_checkpoint(directory, describe(target), step, detail::Caller::one_process, options);
}

template <PyTree T>
std::string save_checkpoint_multiprocess(const std::string& directory, const T& target, const Step& step,
                                         const SaveCheckpointOptions& options) {
  return detail::save_view_as_checkpoint(directory, describe(target), step, detail::Caller::multiprocess, options);
}

template <OnUse>
Tree restore_checkpoint(const std::string& directory, const RestoreCheckpointOptions& options) {
  const auto path = detail::checkpoint_to_restore(directory, options);
  if (!path) return Tree::none();
  if (detail::is_orbax_directory(*path)) return detail::restore_orbax_tree(*path);
  const detail::MsgpackFile file = detail::open_msgpack_file(*path);
  Slots slots;
  Tree tree;
  slots.materialize(file.tree(), tree);
  file.read(slots.reads, options.parallel);
  return tree;
}

template <class... Explicit, PyTree T>
  requires(!is_checkpoint_options<T> && (sizeof...(Explicit) == 0 || (std::same_as<Explicit, T> && ...)))
T restore_checkpoint(const std::string& directory, T target, const RestoreCheckpointOptions& options) {
  const auto path = detail::checkpoint_to_restore(directory, options);
  if (!path) return target;
  if (detail::is_orbax_directory(*path))
    return PyTreeCheckpointer().restore(
        *path, std::move(target), {.transforms = detail::maybe_construct_transformations(options.orbax_transforms), .cast = options.cast});
  detail::fill_from_msgpack_file(ops<T>(), &target, true, *path, options);
  return target;
}

template <PyTree T>
  requires(!is_checkpoint_options<T>)
T restore_checkpoint(const std::string& directory, const RestoreCheckpointOptions& options) {
  const auto path = detail::checkpoint_to_restore(directory, options);
  if (!path) throw NotFoundError("there is no checkpoint " + options.prefix + "* here", {.file = directory});
  if (detail::is_orbax_directory(*path))
    return PyTreeCheckpointer().restore<T>(*path, {.transforms = options.orbax_transforms, .cast = options.cast});
  T value{};
  detail::fill_from_msgpack_file(ops<T>(), &value, false, *path, options);
  return value;
}

ORRERY_ONCE(Tree restore_checkpoint<>(const std::string&, const RestoreCheckpointOptions&));

}  // namespace orrery::inline v0::flax
