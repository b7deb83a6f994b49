// The archive that records what cereal functions hand over as nodes of a TreeView: a class is a dict of its members, standard containers
// are what orrery makes of them (adapters/cereal/standard_types.hpp), the version of a class stands beside the members of every object.
// What lies in the object that is described is not copied; what a function makes while it runs is.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <exception>
#include <functional>
#include <iosfwd>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeindex>
#include <utility>
#include <vector>

#include "orrery/adapters/cereal/functions.hpp"
#include "orrery/adapters/cereal/wrappers.hpp"
#include "orrery/core/error.hpp"
#include "orrery/reflect/kind.hpp"
#include "orrery/reflect/records.hpp"
#include "orrery/reflect/refusal.hpp"
#include "orrery/tree/describe.hpp"
#include "orrery/tree/tree_view.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0 {

struct SaveOptions;

namespace detail::cereal_adapter {

// How a standard type is recorded and read:  static void save(Output&, std::string_view key, const T&);  static void load(Input&, const
// Tree&, T&);  static constexpr bool plain();  // orrery's own row of T says the same
template <class T>
struct StandardType;

template <class T>
concept OwnLeaf = Complete<LeafTraits<T>> || Complete<LeafRow<T>>;
// cereal's functions speak for T inside of another class that they describe. They do so for aggregates too, unless Reflect<T> says more.
template <class T>
concept ByFunctions = !OwnLeaf<T> && !Complete<StandardType<T>> && !HasFields<T> && Described<T>;

// The members that a run of serialize handed over, as long as all of them lie in the object and are of types whose rows say the same as
// cereal does. Unnamed ones are called value0, value1, ..., as in cereal's own text archives.
struct HandedMembers {
  std::vector<std::string_view> names{};
  std::vector<const TypeOps*> types{};
  std::vector<void*> addresses{};
  std::deque<std::string> texts{};  // of the names: those that serialize hands over may be gone when it returns
  bool plain = true;
};

// One run of serialize: notes the members, or holds them against those of the first run and writes their addresses.
struct MemberRun {
  HandedMembers* first = nullptr;
  const HandedMembers* known = nullptr;
  void** addresses = nullptr;
  std::size_t count = 0;
  bool is_same = true;
  bool is_complete() const { return is_same && count == known->types.size(); }
  void add(std::string_view name, const TypeOps& type, void* address) {
    if (first) {
      first->names.push_back(first->texts.emplace_back(name));
      first->types.push_back(&type);
      first->addresses.push_back(address);
    } else {
      is_same = is_same && count < known->types.size() && known->types[count] == &type && known->names[count] == name;
      if (is_same && addresses) addresses[count] = address;
    }
    ++count;
  }
  void add_other() {
    if (first) first->plain = false;
    is_same = false;
  }
};

// A part of memory that is there for as long as what is recorded: that of the object, or nothing.
struct Held {
  const std::byte* begin = nullptr;
  const std::byte* end = nullptr;
  bool empty() const { return begin == end; }
  bool holds(const void* at, std::size_t size) const {
    const std::less_equal<const std::byte*> before{};
    const std::byte* first = static_cast<const std::byte*>(at);
    return !empty() && before(begin, first) && before(first + size, end);
  }
  static Held of(const void* at, std::size_t size) { return {static_cast<const std::byte*>(at), static_cast<const std::byte*>(at) + size}; }
};

// cereal's functions and orrery's row give the same tree.
template <class T>
constexpr bool is_plain() {
  if constexpr (OwnLeaf<T> || HasFields<T>)
    return true;
  else if constexpr (Complete<StandardType<T>>)
    return StandardType<T>::plain();
  else if constexpr (Described<T>)
    return kind_of<T>() == Route::cereal;
  else
    return true;
}

}  // namespace detail::cereal_adapter

namespace cereal_archives {

class OutputArchive : public cereal::OutputArchive<OutputArchive, cereal::AllowEmptyClassElision>, public cereal::traits::TextArchive {
 public:
  // Archives that write a file: orrery/adapters/cereal_archives.hpp has them.
  explicit OutputArchive(std::ostream& to);
  explicit OutputArchive(const std::string& directory);
  OutputArchive(const std::string& directory, const SaveOptions& options);
  OutputArchive(const OutputArchive&) = delete;
  ~OutputArchive() override;
  // Writes what was recorded, once. The destructor does it otherwise, and can only log what goes wrong (orrery/core/log.hpp).
  void close();

  template <class... A>
  OutputArchive& operator()(A&&... argument) {
    (item(argument), ...);
    return *this;
  }
  template <class A>
  OutputArchive& operator&(A&& argument) {
    return (*this)(argument);
  }
  template <class A>
  OutputArchive& operator<<(A&& argument) {
    return (*this)(argument);
  }
  std::uint32_t registerPolymorphicType(const char*) { return cereal::detail::msb_32bit; }  // its name stands with every object

  // --- for the adapter
  using Held = detail::cereal_adapter::Held;
  struct Recording {};
  // Records into `out`. `held`: memory that outlives it.
  OutputArchive(Recording, TreeView& out, const PathLink* path, Held held) : OutputArchive(&out, nullptr, path, held) {}
  // Looks at the members of the object in `held` without recording them.
  OutputArchive(detail::cereal_adapter::MemberRun& run, Held held) : OutputArchive(nullptr, &run, nullptr, held) { frame_ = &top_; }

  TreeView& out() { return *out_; }
  const PathLink* path() const { return path_; }
  std::size_t depth() const { return depth_; }
  bool is_held() const { return !held_.empty(); }

  // The value as one node called `key`. `held`: memory that outlives the recording, in which it may lie.
  template <class T>
  void write(std::string_view key, const T& value, Held held);
  // A part of the value that is being written, which it owns.
  template <class T>
  void element(std::string_view key, std::size_t index, const T& value, bool is_index = true) {
    const PathLink link{path_, key, index, is_index};
    const Below below(*this, &link);
    write(key, value, is_held() ? Held::of(std::addressof(value), sizeof value) : Held());
  }
  // As cereal::base_class: the members of a base among those of the class.
  template <class Base>
  void members_of(const Base& base);
  template <class T>
  void shared(std::string_view key, const std::shared_ptr<T>& pointer, bool is_held);
  template <class T>
  void pointee(std::string_view key, const T& value, bool is_shared, bool is_held);
  std::string_view keep(std::string_view text) { return out_->names.emplace_back(text); }

 private:
  struct Frame {
    std::size_t node = 0;
    std::string_view key{};
    std::uint32_t count = 0;
    std::uint32_t unnamed = 0;
    bool is_list = false;    // a size was handed over first
    bool is_folded = false;  // ... and then the elements in one run
    std::vector<std::string_view> names{};
    std::vector<const void*> bases{};  // virtual ones, each of which comes once
  };
  struct Below {
    Below(OutputArchive& archive, const PathLink* path) : archive_(archive), path_(std::exchange(archive.path_, path)) { ++archive.depth_; }
    ~Below() {
      archive_.path_ = path_;
      --archive_.depth_;
    }
    Below(const Below&) = delete;
    OutputArchive& archive_;
    const PathLink* path_;
  };

  OutputArchive(TreeView* out, detail::cereal_adapter::MemberRun* run, const PathLink* path, Held held)
      : cereal::OutputArchive<OutputArchive, cereal::AllowEmptyClassElision>(this),
        out_(out),
        run_(run),
        path_(path),
        root_(path),
        held_(held) {
    for (const PathLink* link = path; link; link = link->up) ++depth_;
  }

  explicit OutputArchive(std::function<void(const TreeView&)> sink);

  template <class A>
  void item(const A& argument);
  template <class T>
  void named(const char* name, const T& value);
  template <class T>
  void put(const char* name, const T& value);
  void put_row(std::string_view name, const TypeOps& ops, void* address);
  template <class T>
  void note(const char* name, const T& value);
  template <class T>
  void object(std::string_view key, const T& value);
  template <class T>
  void binary(const void* data, std::uint64_t size);
  void row(const TypeOps& ops, const void* value, std::string_view key);
  void own(std::size_t first_node, std::size_t first_leaf);
  std::string_view member_name(const char* name);
  std::string path_text() const { return to_string(path_); }

  std::unique_ptr<TreeView> own_{};  // of an archive that writes a file
  TreeView* out_;
  std::function<void(const TreeView&)> sink_{};
  detail::cereal_adapter::MemberRun* run_ = nullptr;
  int unwinding_ = std::uncaught_exceptions();
  const PathLink* path_ = nullptr;
  const PathLink* root_ = nullptr;
  std::size_t depth_ = 0;
  Held held_{};
  Frame* frame_ = nullptr;
  Frame top_{};                     // of what is handed over outside of any class
  std::string polymorphic_name_{};  // of the object that comes next
  std::string_view polymorphic_at_{};
  bool polymorphic_held_ = false;
  struct Shared {
    bool is_open = true;  // it is being recorded
    std::string path{};
  };
  std::map<std::pair<const void*, std::type_index>, Shared> shared_{};
  std::vector<std::shared_ptr<const void>> kept_{};  // so that no address is given twice
};

}  // namespace cereal_archives

}  // namespace orrery::inline v0

#include "orrery/adapters/cereal/output_archive_impl.hpp"
