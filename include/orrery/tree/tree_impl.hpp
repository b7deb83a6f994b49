// The bodies of tree/tree.hpp, apart so that the contract can be read in one screen. Included by it alone.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "orrery/core/copy.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0 {

// Small dicts are searched along; from 16 entries on an index by text is kept.
// Keys mostly come in order, as they do from files: then they are found by bisection. An index is kept for those that do not.
struct Tree::Dict {
  static constexpr Content content = Content::dict;
  static constexpr std::size_t indexed_from = 16;
  std::vector<Item> items{};
  bool in_order = true;
  std::unordered_map<std::string, std::uint32_t> index{};

  template <OnUse = OnUse()>
  bool is_behind(std::string_view key) const noexcept {
    return items.empty() || std::string_view(items.back().key.text) < key;
  }
  bool has_index() const noexcept { return !in_order && items.size() >= indexed_from; }

  template <OnUse = OnUse()>
  std::size_t position(std::string_view key) const noexcept {
    if (in_order) {
      if (is_behind(key)) return items.size();
      const auto found =
          std::lower_bound(items.begin(), items.end(), key, [](const Item& item, std::string_view k) { return item.key.text < k; });
      return found->key.text == key ? static_cast<std::size_t>(found - items.begin()) : items.size();
    }
    if (!has_index()) {
      for (std::size_t i = 0; i < items.size(); ++i)
        if (items[i].key.text == key) return i;
      return items.size();
    }
    auto found = index.find(std::string(key));
    return found == index.end() ? items.size() : found->second;
  }
  template <OnUse = OnUse()>
  void rebuild() {
    index.clear();
    in_order = std::is_sorted(items.begin(), items.end(), [](const Item& a, const Item& b) { return a.key.text < b.key.text; });
    if (has_index())
      for (std::size_t i = 0; i < items.size(); ++i) index.emplace(items[i].key.text, static_cast<std::uint32_t>(i));
  }
  template <OnUse = OnUse()>
  Tree& insert(DictKey key, Tree value) {
    std::size_t at = position(key.text);
    if (at < items.size()) {
      items[at] = {std::move(key), std::move(value)};
      return items[at].value;
    }
    const bool stays_in_order = in_order && is_behind(key.text), had_index = has_index();
    items.push_back({std::move(key), std::move(value)});
    if (had_index)
      index.emplace(items.back().key.text, static_cast<std::uint32_t>(at));
    else if (!stays_in_order)
      rebuild();
    return items.back().value;
  }
};

template <class Value>
struct Tree::Holds final : Held {
  explicit Holds(Value v) : Held(Value::content), value(std::move(v)) {}
  std::unique_ptr<Held> clone() const override { return std::make_unique<Holds>(*this); }
  Value value;
};
template <class Value>
Tree::Tree(Kind kind, Value value) : kind_(kind), held_(std::make_unique<Holds<Value>>(std::move(value))) {}
template <class Value>
const Value* Tree::as() const noexcept {
  return held_ && held_->content == Value::content ? &static_cast<const Holds<Value>&>(*held_).value : nullptr;
}

inline Tree::Tree() noexcept = default;
inline Tree::~Tree() = default;
inline Tree::Tree(Tree&& other) noexcept : kind_(std::exchange(other.kind_, Kind::none)), held_(std::move(other.held_)) {}
inline Tree& Tree::operator=(Tree&& other) noexcept {
  if (this != &other) {
    auto held = std::move(other.held_);  // other may be a part of this
    kind_ = std::exchange(other.kind_, Kind::none);
    held_ = std::move(held);
  }
  return *this;
}
inline Tree::Tree(const Tree& other) : kind_(other.kind_), held_(other.held_ ? other.held_->clone() : nullptr) {}
inline Tree& Tree::operator=(const Tree& other) {
  if (this != &other) *this = Tree(other);
  return *this;
}

template <OnUse>
Tree Tree::dict() {
  return Tree(Kind::dict, Dict());
}
template <OnUse>
inline Tree Tree::list(std::vector<Tree> elements) {
  return Tree(Kind::list, Elements{std::move(elements)});
}
template <OnUse>
inline Tree Tree::tuple(std::vector<Tree> elements) {
  Tree tree = list(std::move(elements));
  tree.kind_ = Kind::tuple;
  return tree;
}
template <OnUse>
inline Tree Tree::from_array(AnyArray array) {
  return Tree(Kind::array, Numbers{std::move(array), {}});
}
template <OnUse>
inline Tree Tree::numpy_scalar(AnyArray value) {
  if (!value.shape().empty()) throw ArgumentError("a scalar has rank 0, this array has shape " + to_string(value.shape()));
  Tree tree = from_array(std::move(value));
  tree.kind_ = Kind::numpy_scalar;
  return tree;
}
template <OnUse>
inline Tree Tree::scalar_of(AnyArray value) {
  Tree tree = numpy_scalar(std::move(value));
  tree.kind_ = Kind::scalar;
  return tree;
}
template <Element T>
Tree Tree::numpy_scalar(T value) {
  return numpy_scalar(AnyArray::copy_of(ArrayView::dense(dtype_of<T>, &value, {})));
}
template <Element T>
Tree Tree::scalar(T value) {
  constexpr DTypeKind kind = info(dtype_of<T>).kind;
  if constexpr (kind == DTypeKind::boolean || dtype_of<T> == DType::complex128) {
    return scalar_of(AnyArray::copy_of(ArrayView::dense(dtype_of<T>, &value, {})));
  } else if constexpr (kind == DTypeKind::unsigned_integer) {
    std::uint64_t wide = static_cast<std::uint64_t>(value);  // Python has one int: uint64 only where int64 cannot hold it
    if (wide <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return scalar(static_cast<std::int64_t>(wide));
    return scalar_of(AnyArray::copy_of(ArrayView::dense(DType::uint64, &wide, {})));
  } else if constexpr (kind == DTypeKind::signed_integer) {
    std::int64_t wide = static_cast<std::int64_t>(value);
    return scalar_of(AnyArray::copy_of(ArrayView::dense(DType::int64, &wide, {})));
  } else if constexpr (kind == DTypeKind::complex) {
    return scalar(std::complex<double>(value));
  } else {
    double wide = static_cast<double>(value);
    return scalar_of(AnyArray::copy_of(ArrayView::dense(DType::float64, &wide, {})));
  }
}
template <OnUse>
inline Tree Tree::string(std::string text) {
  return Tree(Kind::string, Text{std::move(text)});
}
template <OnUse>
inline Tree Tree::bytes(std::string content) {
  Tree tree = string(std::move(content));
  tree.kind_ = Kind::bytes;
  return tree;
}
template <OnUse>
inline Tree Tree::ext(std::int8_t code, std::string content) {
  Tree tree = string(std::move(content));
  tree.kind_ = Kind::ext;
  tree.as<Text>()->code = code;
  return tree;
}
template <OnUse>
inline Tree Tree::prng_key(std::string impl, AnyArray key_data) {
  Tree tree = from_array(std::move(key_data));
  tree.kind_ = Kind::prng_key;
  tree.as<Numbers>()->impl = std::move(impl);
  return tree;
}
template <OnUse>
inline Tree Tree::described(LeafKind kind, DType dtype, Shape shape, std::uint32_t id, std::string impl) {
  return Tree(static_cast<Kind>(static_cast<int>(Kind::array) + static_cast<int>(kind)),
              Described{dtype, std::move(shape), id, std::move(impl)});
}

inline std::string_view Tree::kind_name() const noexcept {
  constexpr std::string_view names[] = {"none",      "a dict",         "a list",   "a tuple", "an array",
                                        "a scalar",  "a NumPy scalar", "a string", "bytes",   "a msgpack extension",
                                        "a PRNG key"};
  return names[static_cast<std::size_t>(kind_)];
}
inline void Tree::refuse(std::string_view wanted) const {
  throw ArgumentError("this part of the tree is " + std::string(kind_name()) + ", not " + std::string(wanted));
}

template <OnUse>
inline std::size_t Tree::size() const noexcept {
  return is_dict() ? items().size() : elements().size();
}
template <OnUse>
inline std::span<const Tree::Item> Tree::items() const noexcept {
  const auto held = as<Dict>();
  return held ? std::span<const Item>(held->items) : std::span<const Item>();
}
template <OnUse>
inline std::span<Tree::Item> Tree::items() noexcept {
  const auto held = as<Dict>();
  return held ? std::span<Item>(held->items) : std::span<Item>();
}
template <OnUse>
inline std::span<const Tree> Tree::elements() const noexcept {
  const auto held = as<Elements>();
  return held ? std::span<const Tree>(held->list) : std::span<const Tree>();
}
template <OnUse>
inline std::span<Tree> Tree::elements() noexcept {
  const auto held = as<Elements>();
  return held ? std::span<Tree>(held->list) : std::span<Tree>();
}
template <OnUse>
inline auto Tree::begin() const noexcept {
  return items().begin();
}
template <OnUse>
inline auto Tree::end() const noexcept {
  return items().end();
}

template <OnUse>
const Tree* Tree::find(std::string_view key) const noexcept {
  const auto held = as<Dict>();
  if (!held) return nullptr;
  std::size_t at = held->position(key);
  return at < held->items.size() ? &held->items[at].value : nullptr;
}
template <OnUse>
const Tree* Tree::find(std::string_view key, std::size_t likely) const noexcept {
  const auto held = as<Dict>();
  if (held && likely < held->items.size() && held->items[likely].key.text == key) return &held->items[likely].value;
  return find(key);
}
template <OnUse>
const Tree& Tree::operator[](std::string_view key) const {
  const Tree* found = find(key);
  if (found) return *found;
  if (!is_dict()) refuse("a dict with the key \"" + std::string(key) + "\"");
  Differences differences;
  differences.missing.push_back({std::string(key), "is not in the tree"});
  throw KeyError("the tree has no key \"" + std::string(key) + "\"", std::move(differences));
}
template <OnUse>
Tree& Tree::operator[](std::string_view key) {
  if (is_none()) *this = dict();
  if (!is_dict()) refuse("a dict with the key \"" + std::string(key) + "\"");
  Tree* found = find(key);
  return found ? *found : insert({std::string(key)}, Tree());
}
template <OnUse>
inline const Tree& Tree::element(std::size_t index) const {
  auto all = elements();
  if (index >= all.size()) refuse("a list or tuple with an element " + std::to_string(index));
  return all[index];
}
template <OnUse>
std::vector<std::string> Tree::keys() const {
  std::vector<std::string> out;
  for (const Item& item : items()) out.push_back(item.key.text);
  return out;
}
template <OnUse>
Tree& Tree::insert(DictKey key, Tree value) {
  if (!is_dict()) refuse("a dict");
  return as<Dict>()->insert(std::move(key), std::move(value));
}
template <OnUse>
inline Tree& Tree::push_back(Tree value) {
  if (!is_list() && !is_tuple()) refuse("a list");
  return as<Elements>()->list.emplace_back(std::move(value));
}
template <OnUse>
bool Tree::erase(std::string_view key) {
  if (!is_dict()) return false;
  Dict& held = *as<Dict>();
  std::size_t at = held.position(key);
  if (at == held.items.size()) return false;
  held.items.erase(held.items.begin() + static_cast<std::ptrdiff_t>(at));
  held.rebuild();
  return true;
}
template <OnUse>
void Tree::sort_keys() {
  if (is_dict()) {
    Dict& held = *as<Dict>();
    std::stable_sort(held.items.begin(), held.items.end(), [](const Item& a, const Item& b) { return a.key.text < b.key.text; });
    held.rebuild();
    for (Item& item : held.items) item.value.sort_keys();
  } else {
    for (Tree& child : elements()) child.sort_keys();
  }
}

template <OnUse>
inline const AnyArray& Tree::array() const {
  if (const auto held = as<Numbers>()) return held->array;
  if (as<Described>()) throw ArgumentError("this leaf is only described, its value was not read; restore the checkpoint to have it");
  refuse("an array");
}
template <OnUse>
inline AnyArray& Tree::array() {
  return const_cast<AnyArray&>(std::as_const(*this).array());
}
template <OnUse>
inline const std::string& Tree::string() const {
  if (const auto held = as<Text>()) return held->string;
  refuse("a string");
}
template <OnUse>
inline const std::string& Tree::impl() const {
  if (const auto held = as<Numbers>()) return held->impl;
  if (const auto held = as<Described>()) return held->impl;
  refuse("a PRNG key");
}
template <OnUse>
inline std::int8_t Tree::ext_code() const {
  if (const auto held = as<Text>()) return held->code;
  refuse("a msgpack extension");
}
template <OnUse>
inline DType Tree::dtype() const noexcept {
  if (const auto held = as<Numbers>()) return held->array.dtype();
  if (const auto held = as<Described>()) return held->dtype;
  return DType::none;
}
template <OnUse>
inline const Shape& Tree::shape() const noexcept {
  static const Shape rank0{};
  if (const auto held = as<Numbers>()) return held->array.shape();
  if (const auto held = as<Described>()) return held->shape;
  return rank0;
}
template <OnUse>
inline bool Tree::has_value() const noexcept {
  return !as<Described>();
}
template <OnUse>
inline std::uint32_t Tree::id() const noexcept {
  const auto held = as<Described>();
  return held ? held->id : no_id;
}
template <OnUse>
LeafView Tree::leaf() const {
  LeafView view;
  view.kind = leaf_kind();
  if (const auto held = as<Text>()) {
    view.text = held->string;
    view.ext_code = held->code;
  } else {
    view.array = array().view();
    view.text = impl();
  }
  return view;
}

template <Element T>
T Tree::scalar() const {
  const AnyArray& held = array();
  if (!held.shape().empty()) refuse("a scalar (its shape is " + to_string(held.shape()) + ")");
  T value{};
  ArrayView to = ArrayView::dense(dtype_of<T>, &value, {});
  AnyArray back = AnyArray::zeros(held.dtype(), {});
  cast_copy(held.view(), to);
  cast_copy(to, back.view());
  bool nan = info(held.dtype()).kind == DTypeKind::floating && info(dtype_of<T>).kind == DTypeKind::floating;  // NaN payloads may differ
  if (!(back == held) && !nan)
    throw ArgumentError("a " + std::string(name(held.dtype())) + " of this value cannot be held by " + std::string(name(dtype_of<T>)) +
                        " exactly");
  return value;
}

template <OnUse>
bool Tree::equal(const Tree& a, const Tree& b) {
  if (a.kind_ != b.kind_ || a.size() != b.size()) return false;
  switch (a.kind_) {
    case Kind::none: return true;
    case Kind::dict:
      return std::all_of(a.items().begin(), a.items().end(), [&](const Item& item) {
        const Tree* other = b.find(item.key.text);
        return other && equal(item.value, *other);
      });
    case Kind::list:
    case Kind::tuple: return std::equal(a.elements().begin(), a.elements().end(), b.elements().begin(), equal<>);
    case Kind::string:
    case Kind::bytes:
    case Kind::ext: return a.string() == b.string() && a.ext_code() == b.ext_code();
    default: break;
  }
  if (a.has_value() != b.has_value() || a.impl() != b.impl()) return false;
  return a.has_value() ? a.array() == b.array() : a.dtype() == b.dtype() && a.shape() == b.shape();
}

ORRERY_ONCE(Tree Tree::dict<>());
ORRERY_ONCE(const Tree* Tree::find<>(std::string_view) const noexcept);
ORRERY_ONCE(const Tree& Tree::operator[]<>(std::string_view) const);
ORRERY_ONCE(Tree& Tree::operator[]<>(std::string_view));
ORRERY_ONCE(std::vector<std::string> Tree::keys<>() const);
ORRERY_ONCE(Tree& Tree::insert<>(DictKey, Tree));
ORRERY_ONCE(bool Tree::erase<>(std::string_view));
ORRERY_ONCE(void Tree::sort_keys<>());
ORRERY_ONCE(LeafView Tree::leaf<>() const);
ORRERY_ONCE(bool Tree::equal<>(const Tree&, const Tree&));

}  // namespace orrery::inline v0
