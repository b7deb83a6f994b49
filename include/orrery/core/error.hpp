// What can go wrong, and where. Every exception that orrery throws derives from Error and can name the leaf (key path), the file
// and the byte offset it is about. Messages are one sentence or list: what was expected, what was found, what to do.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/on_use.hpp"

namespace orrery::inline v0 {

// The place of an error; every part may be absent.
struct Where {
  std::string key_path{};  // components joined with '/', as "model/params/kernel"
  std::string file{};
  std::optional<std::uint64_t> offset{};  // bytes from the start of the file
};

class Error : public std::runtime_error {
 public:
  template <OnUse = OnUse()>
  explicit Error(const std::string& message, Where where = {})
      : std::runtime_error(compose(message, where)), where_(std::make_shared<const Where>(std::move(where))) {}

  template <OnUse = OnUse()>
  const std::string& key_path() const noexcept {
    return where_->key_path;
  }
  template <OnUse = OnUse()>
  const std::string& file() const noexcept {
    return where_->file;
  }
  template <OnUse = OnUse()>
  std::optional<std::uint64_t> offset() const noexcept {
    return where_->offset;
  }
  template <OnUse = OnUse()>
  const Where& where() const noexcept {
    return *where_;
  }

 private:
  template <OnUse = OnUse()>
  static std::string compose(const std::string& message, const Where& where);

  std::shared_ptr<const Where> where_;  // shared: copying an exception must not throw
};

template <OnUse>
std::string Error::compose(const std::string& message, const Where& where) {
  std::string text = message;
  if (!where.key_path.empty()) text += " [at " + where.key_path + "]";
  if (!where.file.empty()) {
    text += " [file " + where.file;
    if (where.offset) text += ", offset " + std::to_string(*where.offset);
    text += "]";
  }
  return text;
}

ORRERY_ONCE(std::string Error::compose<>(const std::string&, const Where&));

struct NotFoundError : Error {
  using Error::Error;
};  // no such checkpoint, file or step
struct AlreadyExistsError : Error {
  using Error::Error;
};  // a save would replace something
struct ArgumentError : Error {
  using Error::Error;
};  // a bad option or call
struct FormatError : Error {
  using Error::Error;
};  // a file that does not say what its format asks for
struct DataLossError : Error {
  using Error::Error;
};  // a checksum differs, bytes or chunks are missing
struct TimeoutError : Error {
  using Error::Error;
};
struct CancelledError : Error {
  using Error::Error;
};

// A system call failed; code() is its errno.
class IoError : public Error {
 public:
  template <OnUse = OnUse()>
  IoError(const std::string& message, int code, Where where = {}) : Error(message, std::move(where)), code_(code) {}
  int code() const noexcept { return code_; }

 private:
  int code_;
};

// One thing in which what is stored and what is wanted differ.
struct Difference {
  std::string path;     // "model/params/kernel"
  std::string message;  // "dtype: stored float32, wanted int32 (allow with cast = true)"
};

// All of them, by kind. Thrown before any payload is read, with the target untouched.
struct Differences {
  std::vector<Difference> missing{};  // wanted, not stored
  std::vector<Difference> extra{};    // stored, not wanted, where that is not allowed
  std::vector<Difference> shapes{};
  std::vector<Difference> dtypes{};
  std::vector<Difference> kinds{};  // a dict where an array is wanted, and the like
  template <OnUse = OnUse()>
  bool empty() const noexcept {
    return missing.empty() && extra.empty() && shapes.empty() && dtypes.empty() && kinds.empty();
  }
};

class MismatchError : public Error {
 public:
  template <OnUse = OnUse()>
  MismatchError(const std::string& message, Differences differences, Where where = {})
      : Error(message, std::move(where)), differences_(std::make_shared<const Differences>(std::move(differences))) {}
  template <OnUse = OnUse()>
  const std::vector<Difference>& missing() const noexcept {
    return differences_->missing;
  }
  template <OnUse = OnUse()>
  const std::vector<Difference>& extra() const noexcept {
    return differences_->extra;
  }
  template <OnUse = OnUse()>
  const std::vector<Difference>& shapes() const noexcept {
    return differences_->shapes;
  }
  template <OnUse = OnUse()>
  const std::vector<Difference>& dtypes() const noexcept {
    return differences_->dtypes;
  }
  template <OnUse = OnUse()>
  const std::vector<Difference>& kinds() const noexcept {
    return differences_->kinds;
  }

 private:
  std::shared_ptr<const Differences> differences_;
};

struct KeyError : MismatchError {
  using MismatchError::MismatchError;
};  // something wanted is missing
struct ShapeError : MismatchError {
  using MismatchError::MismatchError;
};  // shapes are the only trouble
struct DTypeError : MismatchError {
  using MismatchError::MismatchError;
};  // dtypes are the only trouble
struct StructureError : MismatchError {
  using MismatchError::MismatchError;
};  // kinds or extra keys

}  // namespace orrery::inline v0
