// The bodies of checkpoints.hpp that depend on no type of the user's (section numbers: spec/flax-legacy.md).
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
#include "orrery/flax/checkpoints.hpp"
#include "orrery/flax/config.hpp"
#include "orrery/flax/msgpack_file.hpp"
#include "orrery/flax/orbax_backend.hpp"
#include "orrery/flax/process_arrays.hpp"
#include "orrery/flax/state_dict_impl.hpp"
#include "orrery/reflect/reflectable.hpp"
#include "orrery/storage/durability.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0::flax {

namespace detail {

template <OnUse = OnUse()>
inline void refuse_scheme(const std::string& directory) {
  if (const std::size_t length = scheme_length(directory))
    throw ArgumentError("orrery reads and writes local or mounted paths only; \"" + directory.substr(0, length) + "\" is neither",
                        {.file = directory});
}

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

template <OnUse>
std::string save_value_as_checkpoint(const std::string& directory, const TypeOps& ops, const void* value, const Step& step, Caller caller,
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
    orbax::DescribedState state = orbax::describe_together(ops, value);
    const bool is_one_of_several = state.processes != nullptr;
    const auto save = [&] {
      save_orbax_checkpoint(std::move(state), paths, {options.keep, options.overwrite, options.keep_every_n_steps},
                            {.force = options.overwrite, .durability = options.durability, .meeting_timeout = options.meeting_timeout},
                            caller == Caller::multiprocess, options.orbax_checkpointer);
    };
    if (caller == Caller::one_process && is_one_of_several)
      save_as_one_of_several(paths.final_path, save);
    else
      save();
  } else {
    save_msgpack_checkpoint(describe(ops, value), paths, step, caller, options);
  }
  return paths.final_path;
}

template <OnUse>
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

template <OnUse>
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

template <OnUse>
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

}  // namespace detail

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

}  // namespace orrery::inline v0::flax
