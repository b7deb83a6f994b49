// The archive that hands cereal functions what OutputArchive recorded, from a Tree whose values are in memory. Members are found by name,
// so that their order does not matter; what is missing or does not fit is an error with its path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "orrery/adapters/cereal/functions.hpp"
#include "orrery/adapters/cereal/output_archive.hpp"
#include "orrery/adapters/cereal/wrappers.hpp"
#include "orrery/restore/match.hpp"
#include "orrery/restore/mismatch.hpp"
#include "orrery/restore/plan.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0 {

struct RestoreOptions;

namespace cereal_archives {

class InputArchive : public cereal::InputArchive<InputArchive, cereal::AllowEmptyClassElision>, public cereal::traits::TextArchive {
 public:
  // Archives that read a file: orrery/adapters/cereal_archives.hpp has them.
  explicit InputArchive(std::istream& from);
  explicit InputArchive(const std::string& directory);
  InputArchive(const std::string& directory, const RestoreOptions& options);
  // From a tree that holds its values.
  explicit InputArchive(Tree tree) : InputArchive(Replay()) {
    kept_ = std::move(tree);
    top_ = Frame{&kept_};
    frame_ = &top_;
  }
  InputArchive(const InputArchive&) = delete;

  template <class... A>
  InputArchive& operator()(A&&... argument) {
    (item(argument), ...);
    return *this;
  }
  template <class A>
  InputArchive& operator&(A&& argument) {
    return (*this)(argument);
  }
  template <class A>
  InputArchive& operator>>(A&& argument) {
    return (*this)(argument);
  }
  // cereal's own functions for pointers ask for these.
  void registerSharedPointer(std::uint32_t, std::shared_ptr<void> pointer) { shared_[shared_at_] = std::move(pointer); }
  std::shared_ptr<void> getSharedPointer(std::uint32_t) { return shared_[shared_at_]; }
  template <class T>
  std::uint32_t loadClassVersion() {
    return version(detail::cereal_adapter::version_key);
  }

  // --- for the adapter
  struct Replay {};
  explicit InputArchive(Replay) : cereal::InputArchive<InputArchive, cereal::AllowEmptyClassElision>(this) {}
  InputArchive(Replay, const Tree& root) : InputArchive(Replay()) { root_ = &root; }
  // For an object whose members have their values: hands nothing over, so that only what serialize does besides is done. It must ask for
  // the same members; is_complete() says whether it did.
  explicit InputArchive(const detail::cereal_adapter::HandedMembers& members) : InputArchive(Replay()) {
    members_ = &members;
    frame_ = &top_;
  }
  bool is_complete() const { return is_same_ && count_ == members_->types.size(); }

  // The value that is stored at this node.
  template <class T>
  void read(const Tree& stored, T& value);
  // A part of it.
  template <class T>
  void element(const Tree& stored, std::string_view key, std::size_t index, T& value, bool is_index = true) {
    const PathLink link{path_, key, index, is_index};
    const Below below(*this, &link);
    read(stored, value);
  }
  // For what read() is done in f() one step further down.
  template <class F>
  void below(std::string_view key, F&& f) {
    const PathLink link{path_, key, 0, false};
    const Below below(*this, &link);
    f();
  }
  template <class Base>
  void members_of(Base& base);
  template <class T>
  void shared(const Tree& stored, std::shared_ptr<T>& pointer);
  template <class T, class D>
  void unique(const Tree& stored, std::unique_ptr<T, D>& pointer);
  // The elements of a list, of a tuple, or of a dict of numbers, which is what Flax makes of both.
  std::vector<const Tree*> elements(const Tree& stored, std::string_view wanted) const;
  [[noreturn]] void wrong_kind(std::string_view wanted, const Tree& stored) const;
  [[noreturn]] void missing(std::string_view key) const;
  std::string path_text() const { return to_string(path_); }

 private:
  struct Frame {
    const Tree* tree = nullptr;
    std::size_t unnamed = 0;
    std::size_t next = 0;  // of a list
    std::vector<const void*> bases{};
  };
  struct Below {
    Below(InputArchive& archive, const PathLink* path) : archive_(archive), path_(std::exchange(archive.path_, path)) { ++archive.depth_; }
    ~Below() {
      archive_.path_ = path_;
      --archive_.depth_;
    }
    Below(const Below&) = delete;
    InputArchive& archive_;
    const PathLink* path_;
  };

  template <class A>
  void item(A& argument);
  template <class T>
  void named(const char* name, T& value);
  template <class T>
  void take(const char* name, T& value);
  void seen(const void* address);
  template <class T>
  void object(const Tree& stored, T& value);
  template <class T>
  void binary(void* data, std::uint64_t size);
  std::uint32_t version(std::string_view key) const;
  void fill(const TypeOps& ops, void* value, const Tree& stored) const;
  bool is_list() const { return frame_->tree && (frame_->tree->is_list() || frame_->tree->is_tuple()); }
  const Tree& at(std::string_view pointer) const;
  template <class T>
  const auto& binding(const Tree& name) const;
  template <class Pointer>
  void load_pointee(const Tree& stored, Pointer& pointer);

  Tree kept_{};
  const Tree* root_ = &kept_;
  const detail::cereal_adapter::HandedMembers* members_ = nullptr;
  std::size_t count_ = 0;
  bool is_same_ = true;
  const PathLink* path_ = nullptr;
  std::size_t depth_ = 0;
  Frame top_{};
  Frame* frame_ = nullptr;
  const Tree* pointee_ = nullptr;  // while one of cereal's functions for pointers asks for id, valid and data
  std::string shared_at_{};
  std::map<std::string, std::shared_ptr<void>, std::less<>> shared_{};
};

}  // namespace cereal_archives

}  // namespace orrery::inline v0

#include "orrery/adapters/cereal/input_archive_impl.hpp"
