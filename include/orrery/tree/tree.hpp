// A pytree at run time: what a raw restore gives, what tools walk, and what a stored checkpoint looks like before its values are read
// (then its leaves are only described: dtype, shape and the number under which the layout finds them). Dicts keep the order of
// insertion. No implicit conversions: a Tree is made by naming what it holds.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "orrery/core/array.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/tree/key_path.hpp"
#include "orrery/tree/leaf_view.hpp"

namespace orrery::inline v0 {

// What a dict key was in Python. Only msgpack files hold keys other than strings (spec/flax-legacy.md 2.8); `text` is str(key).
enum class DictKeyKind : std::uint8_t { string, integer, floating, boolean, none, bytes };

struct DictKey {
  std::string text{};
  DictKeyKind kind = DictKeyKind::string;
  friend bool operator==(const DictKey&, const DictKey&) = default;
};

class Tree {
 public:
  enum class Kind : std::uint8_t { none, dict, list, tuple, array, scalar, numpy_scalar, string, bytes, ext, prng_key };
  struct Item;
  static constexpr std::uint32_t no_id = 0xffffffff;

  // --- making
  Tree() noexcept;  // none
  Tree(const Tree&);
  Tree(Tree&&) noexcept;
  Tree& operator=(const Tree&);
  Tree& operator=(Tree&&) noexcept;
  ~Tree();

  template <Element T>
  explicit Tree(Array<T> array) : Tree(from_array(AnyArray(std::move(array)))) {}
  template <OnUse = OnUse()>
  explicit Tree(AnyArray array) : Tree(from_array(std::move(array))) {}

  static Tree none() { return Tree(); }
  template <OnUse = OnUse()>
  static Tree dict();
  template <OnUse = OnUse()>
  static Tree list(std::vector<Tree> elements = {});
  template <OnUse = OnUse()>
  static Tree tuple(std::vector<Tree> elements = {});
  template <OnUse = OnUse()>
  static Tree from_array(AnyArray array);
  // A Python bool, int, float or complex (T: bool, an integer, a floating type, std::complex<double>).
  template <Element T>
  static Tree scalar(T value);
  template <Element T>
  static Tree numpy_scalar(T value);
  template <OnUse = OnUse()>
  static Tree numpy_scalar(AnyArray value);  // rank 0
  template <OnUse = OnUse()>
  static Tree scalar_of(AnyArray value);  // rank 0, dtype bool, int64, uint64, float64 or complex128
  template <OnUse = OnUse()>
  static Tree string(std::string text);
  template <OnUse = OnUse()>
  static Tree bytes(std::string content);
  template <OnUse = OnUse()>
  static Tree ext(std::int8_t code, std::string content);
  template <OnUse = OnUse()>
  static Tree prng_key(std::string impl, AnyArray key_data);
  // A leaf whose value is not here: `id` is the layout's number for it.
  template <OnUse = OnUse()>
  static Tree described(LeafKind kind, DType dtype, Shape shape, std::uint32_t id, std::string impl = {});

  // Assigning a value where the tree had another: tree["step"] = Array<float>::arange(3), = std::int64_t{7}, = std::string("x").
  template <Element T>
  Tree& operator=(Array<T> array) {
    return *this = from_array(AnyArray(std::move(array)));
  }
  template <class T>
    requires std::same_as<T, bool> || std::same_as<T, double> || (std::integral<T> && Element<T>)
  Tree& operator=(T value) {
    return *this = scalar(value);
  }
  template <std::same_as<std::string> T>
  Tree& operator=(T text) {
    return *this = string(std::move(text));
  }

  // --- what is it
  Kind kind() const noexcept { return kind_; }
  bool is_none() const noexcept { return kind_ == Kind::none; }
  bool is_dict() const noexcept { return kind_ == Kind::dict; }
  bool is_list() const noexcept { return kind_ == Kind::list; }
  bool is_tuple() const noexcept { return kind_ == Kind::tuple; }
  bool is_leaf() const noexcept { return kind_ >= Kind::array; }
  LeafKind leaf_kind() const noexcept { return static_cast<LeafKind>(static_cast<int>(kind_) - static_cast<int>(Kind::array)); }
  std::string_view kind_name() const noexcept;

  // --- containers
  template <OnUse = OnUse()>
  std::size_t size() const noexcept;  // entries of a dict, elements of a list or tuple, else 0
  // By key: KeyError if absent (const); inserts none where the key is new (a none becomes a dict).
  template <OnUse = OnUse()>
  const Tree& operator[](std::string_view key) const;
  template <OnUse = OnUse()>
  Tree& operator[](std::string_view key);
  // By position in a list or tuple; ArgumentError beyond its end.
  template <std::integral I>
  const Tree& operator[](I index) const {
    return element(static_cast<std::size_t>(index));
  }
  template <std::integral I>
  Tree& operator[](I index) {
    return const_cast<Tree&>(element(static_cast<std::size_t>(index)));
  }
  // The entry of that text, or null. A key that is no string is found by its text too.
  template <OnUse = OnUse()>
  const Tree* find(std::string_view key) const noexcept;
  template <OnUse = OnUse()>
  Tree* find(std::string_view key) noexcept {
    return const_cast<Tree*>(std::as_const(*this).find(key));
  }
  // ... at first among the entries at `likely`, where the keys come in the order of the dict.
  template <OnUse = OnUse()>
  const Tree* find(std::string_view key, std::size_t likely) const noexcept;
  template <OnUse = OnUse()>
  bool contains(std::string_view key) const noexcept {
    return find(key) != nullptr;
  }
  template <OnUse = OnUse()>
  std::vector<std::string> keys() const;
  template <OnUse = OnUse()>
  std::span<const Item> items() const noexcept;  // of a dict, in order
  template <OnUse = OnUse()>
  std::span<Item> items() noexcept;
  template <OnUse = OnUse()>
  std::span<const Tree> elements() const noexcept;  // of a list or tuple
  template <OnUse = OnUse()>
  std::span<Tree> elements() noexcept;
  template <OnUse = OnUse()>
  auto begin() const noexcept;  // iterates items()
  template <OnUse = OnUse()>
  auto end() const noexcept;
  // Adds or replaces; an existing key keeps its position, as in Python.
  template <OnUse = OnUse()>
  Tree& insert(DictKey key, Tree value);
  template <OnUse = OnUse()>
  Tree& push_back(Tree value);
  template <OnUse = OnUse()>
  bool erase(std::string_view key);
  // Dict keys in code-point order at every level, as jax.tree_util rebuilds dicts.
  template <OnUse = OnUse()>
  void sort_keys();

  // --- leaves
  // The array of an array, scalar, numpy_scalar or prng_key leaf; ArgumentError for others and where the value was not read.
  template <OnUse = OnUse()>
  const AnyArray& array() const;
  template <OnUse = OnUse()>
  AnyArray& array();
  // The value of a scalar, numpy_scalar or 0-d array, where T can hold it exactly; else ArgumentError.
  template <Element T>
  T scalar() const;
  template <OnUse = OnUse()>
  const std::string& string() const;  // string, bytes, ext: the content
  template <OnUse = OnUse()>
  const std::string& impl() const;  // prng_key
  template <OnUse = OnUse()>
  std::int8_t ext_code() const;
  template <OnUse = OnUse()>
  DType dtype() const noexcept;  // none for text
  template <OnUse = OnUse()>
  const Shape& shape() const noexcept;  // rank 0 for text
  template <OnUse = OnUse()>
  bool has_value() const noexcept;  // false: only described
  template <OnUse = OnUse()>
  std::uint32_t id() const noexcept;  // of a described leaf, else no_id
  template <OnUse = OnUse()>
  LeafView leaf() const;  // a view of the leaf, valid while the tree is

  // Same structure, kinds, dtypes, shapes and bytes; dicts regardless of order.
  template <OnUse = OnUse()>
  friend bool operator==(const Tree& a, const Tree& b) {
    return equal(a, b);
  }

 private:
  // What a tree holds besides its kind: nothing, or one of these values. Copied and destroyed without knowing which, so that whoever only
  // moves trees about compiles none of it.
  enum class Content : std::uint8_t { dict, elements, text, numbers, described };
  struct Held {
    explicit Held(Content what) noexcept : content(what) {}
    Held(const Held&) = default;
    Held& operator=(const Held&) = delete;
    virtual ~Held() = default;
    virtual std::unique_ptr<Held> clone() const = 0;
    const Content content;
  };
  template <class Value>
  struct Holds;
  struct Dict;
  struct Elements {
    static constexpr Content content = Content::elements;
    std::vector<Tree> list;
  };
  struct Text {
    static constexpr Content content = Content::text;
    std::string string;
    std::int8_t code = 0;
  };
  struct Numbers {
    static constexpr Content content = Content::numbers;
    AnyArray array;
    std::string impl;
  };
  struct Described {
    static constexpr Content content = Content::described;
    DType dtype;
    Shape shape;
    std::uint32_t id;
    std::string impl;
  };

  template <class Value>
  Tree(Kind kind, Value value);
  // Null where the tree holds something else.
  template <class Value>
  const Value* as() const noexcept;
  template <class Value>
  Value* as() noexcept {
    return const_cast<Value*>(std::as_const(*this).template as<Value>());
  }

  template <OnUse = OnUse()>
  const Tree& element(std::size_t index) const;
  template <OnUse = OnUse()>
  static bool equal(const Tree& a, const Tree& b);
  [[noreturn]] void refuse(std::string_view wanted) const;

  Kind kind_ = Kind::none;
  std::unique_ptr<Held> held_{};
};

struct Tree::Item {
  DictKey key;
  Tree value;
};

}  // namespace orrery::inline v0

#include "orrery/tree/tree_impl.hpp"
