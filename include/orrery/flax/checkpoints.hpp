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
#include "orrery/core/on_use.hpp"
#include "orrery/flax/async_manager.hpp"
#include "orrery/flax/checkpoint_files.hpp"
#include "orrery/flax/checkpoint_names.hpp"
#include "orrery/flax/state_dict.hpp"
#include "orrery/orbax/async_checkpointer.hpp"
#include "orrery/orbax/pytree_checkpointer.hpp"
#include "orrery/restore/transforms.hpp"
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

enum class Caller : std::uint8_t { one_process, multiprocess };

// Answers the path.
template <OnUse = OnUse()>
std::string save_value_as_checkpoint(const std::string& directory, const TypeOps& ops, const void* value, const Step& step, Caller caller,
                                     const SaveCheckpointOptions& options);

// 4.11 step 2: the path of the checkpoint, or nothing where there is none to be had and none was asked for by its step.
template <OnUse = OnUse()>
std::optional<std::string> checkpoint_to_restore(const std::string& directory, const RestoreCheckpointOptions& options);

template <OnUse = OnUse()>
bool is_orbax_directory(const std::string& path);

// 4.11 step 5: what the msgpack file at that path holds, and the arrays that its placeholders stand for, into an object.
template <OnUse = OnUse()>
void fill_from_msgpack_file(const TypeOps& ops, void* object, bool structured, const std::string& path,
                            const RestoreCheckpointOptions& how);

// What a restore into a target goes by. Flax always gives transforms with a target, so that what a checkpoint lacks keeps the target's
// value; those it makes up itself map each None of the target to use_fallback, which restoring does with empty optionals anyway.
inline Transforms maybe_construct_transformations(const Transforms& transforms) { return transforms.is_none() ? Transforms() : transforms; }

ORRERY_ONCE(std::string save_value_as_checkpoint<>(const std::string&, const TypeOps&, const void*, const Step&, Caller,
                                                   const SaveCheckpointOptions&));
ORRERY_ONCE(std::optional<std::string> checkpoint_to_restore<>(const std::string&, const RestoreCheckpointOptions&));
ORRERY_ONCE(bool is_orbax_directory<>(const std::string&));
ORRERY_ONCE(void fill_from_msgpack_file<>(const TypeOps&, void*, bool, const std::string&, const RestoreCheckpointOptions&));

}  // namespace detail

template <PyTree T>
std::string save_checkpoint(const std::string& directory, const T& target, const Step& step, const SaveCheckpointOptions& options) {
  return detail::save_value_as_checkpoint(directory, ops<T>(), std::addressof(target), step, detail::Caller::one_process, options);
}

template <PyTree T>
std::string save_checkpoint_multiprocess(const std::string& directory, const T& target, const Step& step,
                                         const SaveCheckpointOptions& options) {
  return detail::save_value_as_checkpoint(directory, ops<T>(), std::addressof(target), step, detail::Caller::multiprocess, options);
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

#ifndef ORRERY_COMPILED
#include "orrery/flax/checkpoints_impl.hpp"  // IWYU pragma: export
#endif
