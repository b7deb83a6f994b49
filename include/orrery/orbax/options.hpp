// What a save or restore of one checkpoint can be told. Aggregates for designated initializers; members in the order of api.md.
#pragma once

#include <string>

#include "orrery/restore/report.hpp"
#include "orrery/restore/restore_args.hpp"
#include "orrery/restore/transforms.hpp"
#include "orrery/storage/durability.hpp"

namespace orrery::inline v0 {

struct SaveOptions {
  bool force = false;                             // replace a checkpoint that is there; it stays whole until the new one is
  Durability durability = Durability::synced;     // synced: on disk before save returns; fast: in the page cache
  bool checksums = true;                          // CRC-32C of every payload, kept in _orrery.json and verified on restore
  std::string custom_metadata{};                  // a JSON object of the user's, or empty
};

struct RestoreOptions {
  KeyedRestoreArgs restore_args{};                    // pattern over key paths -> dtype, shape, placeholder
  Transforms transforms = Transforms::none();         // {}: missing leaves keep the target's values; else rules, with the same effect
  bool transforms_default_to_original = true;         // false: leaves without a rule keep the target's values
  std::string subtree{};                              // "model/params": that branch alone, as if it were the checkpoint
  bool allow_extra = true;                            // stored leaves that the target does not have are ignored; false: StructureError lists them
  bool cast = false;                                  // any dtype may become any other; false: lossless widening alone
  bool verify_checksums = true;                       // where the checkpoint has them
  RestoreReport* report = nullptr;                    // filled with what was done, leaf by leaf
};

}  // namespace orrery::inline v0
