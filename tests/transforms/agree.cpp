// agree DIR: the cases that make_cases.py left in DIR, transformed and restored by us; a line for each, the number of each verdict last.
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <orrery/formats/json.hpp>
#include <orrery/orrery.hpp>
#include <orrery/storage/file.hpp>

namespace {

using namespace orrery;
using json::Value;

// ----------------------------------------------------------------- what make_cases.py writes

AnyArray array_of(const Value& value, const Value& shape, DType dtype) {
  std::vector<Dim> dims;
  for (const Value& extent : *shape.array()) dims.push_back(*extent.integer());
  const Shape extents{std::span<const Dim>(dims)};
  AnyArray doubles = AnyArray::zeros(DType::float64, extents), out = AnyArray::zeros(dtype, extents);
  double* to = doubles.values<double>().data();
  for (const Value& element : *value.array()) *to++ = element.integer() ? static_cast<double>(*element.integer()) : *element.number();
  cast_copy(doubles.view(), out.view());
  return out;
}

Tree tree_of(const Value& value) {
  if (value.is_null()) return Tree::none();
  if (const Value* entries = value.find("dict")) {
    Tree out = Tree::dict();
    for (const Value& entry : *entries->array()) out.insert({*(*entry.array())[0].string()}, tree_of((*entry.array())[1]));
    return out;
  }
  for (const char* kind : {"list", "tuple"})
    if (const Value* elements = value.find(kind)) {
      std::vector<Tree> out;
      for (const Value& element : *elements->array()) out.push_back(tree_of(element));
      return kind[0] == 'l' ? Tree::list(std::move(out)) : Tree::tuple(std::move(out));
    }
  if (const Value* text = value.find("string")) return Tree::string(*text->string());
  if (const Value* dtype = value.find("array"))
    return Tree(array_of(*value.find("values"), *value.find("shape"), dtype_from_name(*dtype->string()).value()));
  const Value& number = *value.find("number");
  return number.integer() ? Tree::scalar(*number.integer()) : Tree::scalar(*number.number());
}

// ----------------------------------------------------------------- functions that both sides know

Tree plus_one(const Tree& tree) {
  if (tree.kind() == Tree::Kind::string) return tree;
  AnyArray doubles = AnyArray::zeros(DType::float64, tree.shape()), out = AnyArray::zeros(tree.dtype(), tree.shape());
  cast_copy(tree.array().view(), doubles.view());
  for (double& value : doubles.values<double>()) value += 1;
  cast_copy(doubles.view(), out.view());
  return tree.kind() == Tree::Kind::scalar ? Tree::scalar_of(std::move(out)) : Tree(std::move(out));
}
Tree transpose(const Tree& tree) {
  if (tree.kind() != Tree::Kind::array || tree.shape().size() < 2) return tree;
  ArrayView view = tree.array().view();
  std::swap(view.shape[0], view.shape[1]);
  std::swap(view.strides[0], view.strides[1]);
  return Tree(AnyArray::copy_of(view));
}
Tree joined(const std::vector<const Tree*>& trees) {
  Dim size = 0;
  for (const Tree* tree : trees) size += static_cast<Dim>(tree->array().size());
  AnyArray out = AnyArray::zeros(trees[0]->dtype(), {size});
  char* to = static_cast<char*>(out.data());
  for (const Tree* tree : trees) {
    copy(tree->array().view(), to);
    to += tree->array().nbytes();
  }
  return Tree(std::move(out));
}
Tree twice(const Tree& tree) { return tree.kind() == Tree::Kind::array ? joined({&tree, &tree}) : tree; }

Transforms transforms_of(const Value& rules) {
  Transforms out;
  for (const Value& rule : *rules.array()) {
    const Value& written = (*rule.array())[1];
    Transform transform;
    if (const Value* key = written.find("original_key")) transform.original_key = *key->string();
    transform.use_fallback = written.find("use_fallback") != nullptr;
    if (const Value* name = written.find("value_fn"))
      transform.value_fn = *name->string() == "plus_one" ? plus_one : *name->string() == "twice" ? twice : transpose;
    if (const Value* paths = written.find("joined")) {
      std::vector<std::string> keys;
      for (const Value& path : *paths->array()) keys.push_back(*path.string());
      transform.multi_value_fn = [keys](std::string_view, const Tree& original) {
        std::vector<const Tree*> inputs;
        for (const std::string& key : keys) inputs.push_back(detail::PathFinder(original).find(key));
        return joined(inputs);
      };
      transform.multi_value_fn_input_args = {};
      for (const Value& pattern : *written.find("inputs")->array()) transform.multi_value_fn_input_args.add(*pattern.string(), {});
    }
    out.add(*(*rule.array())[0].string(), std::move(transform));
  }
  return out;
}

// A Python scalar and an array without dimensions are the same to some eras.
Tree with_arrays(Tree tree) {
  for (Tree::Item& item : tree.items()) item.value = with_arrays(std::move(item.value));
  for (Tree& child : tree.elements()) child = with_arrays(std::move(child));
  return tree.kind() == Tree::Kind::scalar ? Tree(tree.array()) : tree;
}

// ----------------------------------------------------------------- verdicts

int passed = 0, failed = 0;
void verdict(bool good, const std::string& name, const std::string& text) {
  ++(good ? passed : failed);
  if (!good) std::printf("FAIL %s: %s\n", name.c_str(), text.c_str());
}

template <class Run>
void compare(const std::string& name, const Value& wanted, Run&& run) {
  const Value* error = wanted.find("error");
  try {
    const Tree got = run();
    if (error) return verdict(false, name, "no " + *error->string() + " (" + *wanted.find("text")->string() + ") but " + to_string(got));
    const Tree want = tree_of(*wanted.find("tree"));
    verdict(with_arrays(got) == with_arrays(want), name, to_string(got) + ", not " + to_string(want));
  } catch (const KeyError& ours) {
    verdict(error && *error->string() == "ValueError", name, ours.what());
  } catch (const std::exception& ours) {
    verdict(false, name, ours.what());
  }
}

// Bytes as they came back from TensorStore, but where what a conversion gives is not defined: numbers outside of an integer's range, NaN.
bool is_defined(double value, DType to) {
  const DTypeInfo type = info(to);
  if (type.kind != DTypeKind::signed_integer && type.kind != DTypeKind::unsigned_integer) return true;
  const bool is_signed = type.kind == DTypeKind::signed_integer;
  const double high = detail::exact_power_of_two(type.bits - is_signed), low = is_signed ? -high - 1 : -1;
  return value > low && value < high;
}

void compare_casts(const std::string& directory) {
  const Value casts = json::parse(storage::read_file(directory + "/casts.json", std::size_t{1} << 28), {});
  const Tree stored = PyTreeCheckpointer().restore(directory + "/casts");
  for (const auto& [name, hex] : *casts.object()) {
    const std::size_t space = name.find(' ');
    const std::string from = name.substr(0, space);
    const DType to = dtype_from_name(name.substr(space + 4)).value();
    const Tree got =
        PyTreeCheckpointer().restore(directory + "/casts", {.restore_args = {{from, {.dtype = to}}, {".*", {.placeholder = true}}}})[from];
    const std::size_t size = item_size(to), count = got.array().size();
    AnyArray values = AnyArray::zeros(DType::float64, stored[from].shape());
    cast_copy(stored[from].array().view(), values.view());
    const bool from_float = info(stored[from].dtype()).kind == DTypeKind::floating;
    std::string differ;
    for (std::size_t i = 0; i < count; ++i) {
      std::string element, wanted = hex.string()->substr(i * size * 2, size * 2);
      for (std::size_t b = 0; b < size; ++b) {
        char text[3];
        std::snprintf(text, sizeof text, "%02x", static_cast<const unsigned char*>(got.array().data())[i * size + b]);
        element += text;
      }
      const double value = values.values<double>()[i];
      if (element == wanted || (from_float && !is_defined(value, to)) || value != value) continue;
      if (differ.size() < 200) differ += std::to_string(value) + " is " + element + ", not " + wanted + "; ";
    }
    verdict(differ.empty() && got.dtype() == to && hex.string()->size() == count * size * 2, "cast " + name, differ);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string directory = argc > 1 ? argv[1] : ".";
  const Value cases = json::parse(storage::read_file(directory + "/cases.json", std::size_t{1} << 28), {});
  for (const Value& one : *cases.array()) {
    const std::string& name = *one.find("name")->string();
    const bool default_to_original = *one.find("default_to_original")->boolean();
    const Transforms transforms = transforms_of(*one.find("rules"));
    const Tree original = tree_of(*one.find("original")), target = tree_of(*one.find("new"));
    compare(name + " apply", *one.find("apply"),
            [&] { return apply_transformations(original, transforms, target, {default_to_original}); });
    if (one.find("restore")->find("unread")) continue;
    compare(name + " restore", *one.find("restore"), [&] {
      return PyTreeCheckpointer().restore(directory + "/" + name, target,
                                          {.transforms = transforms, .transforms_default_to_original = default_to_original});
    });
  }
  compare_casts(directory);
  std::printf("%d passed, %d failed, 0 skipped\n", passed, failed);
  return failed != 0;
}
