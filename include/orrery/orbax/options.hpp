// What a save or restore of one checkpoint can be told. Aggregates for designated initializers; members in the order of api.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "orrery/core/on_use.hpp"
#include "orrery/core/dtype.hpp"
#include "orrery/distributed/channel.hpp"
#include "orrery/distributed/coordinator.hpp"
#include "orrery/restore/key_pattern.hpp"
#include "orrery/restore/report.hpp"
#include "orrery/restore/restore_args.hpp"
#include "orrery/restore/transforms.hpp"
#include "orrery/storage/durability.hpp"
#include "orrery/storage/progress.hpp"

namespace orrery::inline v0 {

// How arrays are compressed.
class Compression {
 public:
  enum class Kind : std::uint8_t { none, zstd, automatic };

  // As they lie in memory: fastest to save, and a restore can map them.
  static constexpr Compression none() noexcept { return {Kind::none, 0}; }
  // Every array, as Orbax does; its level is 1. A core does less than 1 GiB/s, for 8 % of trained float32.
  static constexpr Compression zstd(int level = 1) noexcept { return {Kind::zstd, level}; }
  // At level 1, and only arrays of 1 MiB or more that samples show to be almost empty: those reach the disk faster for it.
  static constexpr Compression automatic() noexcept { return {Kind::automatic, 1}; }

  constexpr Kind kind() const noexcept { return kind_; }
  constexpr int level() const noexcept { return level_; }
  friend bool operator==(const Compression&, const Compression&) = default;

 private:
  constexpr Compression(Kind kind, int level) noexcept : kind_(kind), level_(level) {}

  Kind kind_;
  int level_;
};

// Leaves whose key path ("model/params/kernel") is matched by all of an ECMAScript pattern, and what they are stored as.
struct CastRule {
  // ArgumentError for what is no pattern (restore/key_pattern.hpp).
  template <class Regex = detail::StandardRegex>
  CastRule(std::string text, DType stored) : pattern(KeyPattern::compile<Regex>(std::move(text))), dtype(stored) {}

  KeyPattern pattern;
  DType dtype;
};

// Which leaves are stored with another dtype than they have: `DType::bfloat16` for every array of its kind (here: of floating point; step
// counters, masks and Python's numbers stay), or rules, the last one that matches a leaf decides. Rules take numbers too; PRNG keys and
// strings are never cast.
class CastRules {
 public:
  CastRules() = default;
  CastRules(DType all) : all_(all) {}
  template <OnUse = OnUse()>
  CastRules(std::initializer_list<CastRule> rules) : rules_(rules) {}
  template <OnUse = OnUse()>
  explicit CastRules(std::vector<CastRule> rules) : rules_(std::move(rules)) {}

  template <OnUse = OnUse()>
  bool empty() const noexcept {
    return all_ == DType::none && rules_.empty();
  }
  DType all() const noexcept { return all_; }
  const std::vector<CastRule>& rules() const noexcept { return rules_; }

 private:
  DType all_ = DType::none;
  std::vector<CastRule> rules_{};
};

struct SaveOptions {
  bool force = false;      // replace a checkpoint that is there; it stays whole until the new one is
  bool use_ocdbt = true;   // one database; false: a directory an array, slow where there are many
  bool use_zarr3 = false;  // chunks that Orbax 0.5.20 and later verify; 0.4.0 cannot read them
  Compression compression = Compression::automatic();
  std::optional<std::uint64_t> chunk_byte_size{};  // arrays are cut into equal chunks of at most that, as Orbax cuts them; else one each
  Durability durability = Durability::synced;      // synced: on disk before save returns; fast: in the page cache
  bool checksums = true;                           // CRC-32C of every payload, kept in _orrery.json and verified on restore
  std::string custom_metadata{};                   // a JSON object of the user's, or empty
  CastRules cast{};                                // dtypes to store; rounding to nearest even, as TensorStore does it
  ProgressFunction on_progress{};                  // told how far it is; throws to cancel the save, and nothing is left of it
  std::chrono::nanoseconds meeting_timeout = default_meeting_timeout;  // of several processes: how long one waits for the others at
                                                                       // each step, then TimeoutError names them
};

struct RestoreOptions {
  KeyedRestoreArgs restore_args{};             // pattern over key paths -> dtype, shape, placeholder
  Transforms transforms = Transforms::none();  // {}: missing leaves keep the target's values; else rules, with the same effect
  bool transforms_default_to_original = true;  // false: leaves without a rule keep the target's values
  std::string subtree{};                       // "model/params": that branch alone, as if it were the checkpoint
  bool allow_extra = true;                     // stored leaves that the target does not have are ignored; false: StructureError lists them
  bool cast = false;                           // any dtype may become any other; false: lossless widening alone
  bool verify_checksums = true;                // where the checkpoint has them
  RestoreReport* report = nullptr;             // filled with what was done, leaf by leaf
  ProgressFunction on_progress{};              // told how far the reading is; throws to end it
  std::shared_ptr<Coordinator> processes{};    // that all restore this now, into targets of the same structure: what is not cut in
                                               // the target is read by rank 0 alone and sent to the others, and what goes wrong in
                                               // one is thrown in all; absent: each for itself
  std::chrono::nanoseconds meeting_timeout = default_meeting_timeout;  // of those: how long one waits for the others
};

}  // namespace orrery::inline v0
