// interop_reader ERA DIR: restores everything that DIR/written.txt lists, which write.py made with that era's Orbax and Flax, raw and into
// the structs, and compares it bit for bit with cases.hpp. Prints a line per check and the leaves that differ; exit 1 if any does.
#include <cstdio>
#include <exception>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <tuple>

#include "cases.hpp"

namespace {

using interop::AnyArray;
using interop::Array;
using orrery::Tree;

// How Orbax's raw form differs from what was saved, by who wrote it.
struct Form {
  bool orbax = false;         // tuples are lists, NumPy scalars Python's
  bool empty_tuples = false;  // empty tuples are kept (Orbax 0.7.0 and later)
  bool all_arrays = false;    // no _METADATA: numbers are 0-d arrays
  bool names_alone = false;   // nor a placeholder file: lists are dicts of their indices, what has no leaf is not there
};

Tree in_form(const Tree& tree, const Form& form) {
  if (tree.is_dict() || (form.names_alone && !tree.is_leaf())) {
    Tree out = Tree::dict();
    const auto add = [&](const orrery::DictKey& key, const Tree& child) {
      Tree formed = in_form(child, form);
      if (!form.names_alone || formed.is_leaf() || formed.size()) out.insert(key, std::move(formed));
    };
    for (const auto& [key, child] : tree.items()) add(key, child);
    for (std::size_t i = 0; i < tree.elements().size(); ++i) add({std::to_string(i)}, tree.elements()[i]);
    return out;
  }
  if (tree.is_list() || tree.is_tuple()) {
    if (form.orbax && tree.is_tuple() && tree.size() == 0) return form.empty_tuples ? tree : Tree::none();
    Tree out = Tree::list();
    for (const Tree& child : tree.elements()) out.push_back(in_form(child, form));
    return out;
  }
  const bool is_numpy = tree.kind() == Tree::Kind::numpy_scalar;
  if (form.all_arrays && (is_numpy || tree.kind() == Tree::Kind::scalar)) return Tree(tree.array());
  if (!form.orbax || !is_numpy) return tree;
  switch (orrery::info(tree.dtype()).kind) {
    case orrery::DTypeKind::floating: return Tree::scalar(tree.scalar<double>());
    case orrery::DTypeKind::signed_integer: return Tree::scalar(tree.scalar<std::int64_t>());
    default: return Tree::scalar_of(tree.array());
  }
}

// Flax wrote Python's complex numbers as NumPy's until 0.10 (spec/flax-legacy.md 3.4).
Tree with_numpy_complex(Tree tree) {
  for (Tree::Item& item : tree.items()) item.value = with_numpy_complex(std::move(item.value));
  return tree.kind() == Tree::Kind::scalar && tree.dtype() == orrery::DType::complex128 ? Tree::numpy_scalar(tree.array()) : tree;
}

// Leaves that differ, one text each.
class Differences {
 public:
  void compare(const Tree& got, const Tree& want, const std::string& path) {
    const bool sequence = want.is_list() || want.is_tuple();
    if (want.is_dict() && got.is_dict()) {
      for (const auto& [key, child] : want) {
        const Tree* found = got.find(key.text);
        if (found)
          compare(*found, child, path + "/" + key.text);
        else
          add(path + "/" + key.text, "is missing");
      }
      for (const auto& [key, child] : got)
        if (!want.contains(key.text)) add(path + "/" + key.text, "should not be there");
    } else if (sequence && got.kind() == want.kind() && got.size() == want.size()) {
      for (std::size_t i = 0; i < want.size(); ++i) compare(got[i], want[i], path + "/" + std::to_string(i));
    } else if (!(got == want)) {
      add(path, to_string(got).substr(0, 120) + ", not " + to_string(want).substr(0, 120));
    }
  }

  std::string text{};

 private:
  void add(const std::string& path, const std::string& what) {
    if (++count_ <= 5) text += (text.empty() ? "" : "; ") + path + ": " + what;
  }
  int count_ = 0;
};

// What an era writes that is not restored here, or not as it was; each is checked to be so.
struct Limit {
  std::string_view era, name, reason;
};
constexpr Limit limits[] = {
    {"2023", "flax_again dtype_int4", "ml_dtypes 0.3.1 leaves noise in the upper bits, which is masked on reading"},
};

int passed = 0, failed = 0;
std::string era;

template <class Body>
void check(const std::string& name, Body&& body) {
  std::string wrong;
  try {
    wrong = body();
  } catch (const std::exception& error) {
    wrong = error.what();
  }
  for (const Limit& limit : limits)
    if (limit.era == era && limit.name == name) {
      std::printf("%s %s read %s: %s: %s\n", wrong.empty() ? "FAIL" : "PASS", era.c_str(), name.c_str(),
                  wrong.empty() ? "no limit any more, take it off the list" : "a limit, as it should be",
                  std::string(limit.reason).c_str());
      ++(wrong.empty() ? failed : passed);
      return;
    }
  std::printf("%s %s read %s%s%s\n", wrong.empty() ? "PASS" : "FAIL", era.c_str(), name.c_str(), wrong.empty() ? "" : ": ", wrong.c_str());
  ++(wrong.empty() ? passed : failed);
}

std::string different(const Tree& got, const Tree& want) {
  Differences differences;
  differences.compare(got, want, "");
  return differences.text;
}

// The same state in the same struct, seen as a state dict.
template <class T>
std::string different(const T& got, const T& want) {
  return different(orrery::flax::to_state_dict(got), orrery::flax::to_state_dict(want));
}

Tree zeroed(Tree tree) {
  for (Tree::Item& item : tree.items()) item.value = zeroed(std::move(item.value));
  if (tree.is_leaf() && tree.array().nbytes() > 0) std::memset(tree.array().data(), 0, tree.array().nbytes());
  return tree;
}
// The same shapes, all zeros.
template <class T>
T blank(const T& value) {
  return orrery::flax::from_state_dict(value, zeroed(orrery::flax::to_state_dict(value)));
}

// Into a new struct, into a copy of one of the same shapes, and into storage of the user's.
template <class T>
void check_struct(const std::string& way, const std::string& name, const std::string& path, const T& want) {
  orrery::PyTreeCheckpointer checkpointer;
  if (way.starts_with("orbax")) {
    check(way + "_struct " + name, [&] { return different(checkpointer.restore<T>(path), want); });
    check(way + "_into " + name, [&] {
      T target = blank(want);
      checkpointer.restore_into(path, target);
      return different(target, want);
    });
  } else {
    check(way + "_struct " + name, [&] { return different(orrery::flax::restore_checkpoint<T>(path), want); });
    check(way + "_target " + name, [&] { return different(orrery::flax::restore_checkpoint(path, blank(want)), want); });
  }
}

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The state dict of a case; empty states are {} there, none in a tree of ours, so the struct is asked where there is one.
Tree state_dict(const interop::Case& test) {
  if (test.name == "guide") return orrery::flax::to_state_dict(interop::guide());
  if (test.name == "adam") return orrery::flax::to_state_dict(interop::adam());
  return orrery::flax::to_state_dict(test.tree);
}

// ... after Orbax, which has none for {}.
Tree without_empty(Tree state) {
  for (Tree::Item& item : state.items())
    item.value = item.value.is_dict() && item.value.size() == 0 ? Tree::none() : without_empty(std::move(item.value));
  return state;
}

void read(const std::string& way, const interop::Case& test, const std::string& path) {
  const std::string name = way + " " + test.name;
  if (way.starts_with("orbax")) {
    const bool bare = way.starts_with("orbax_bare");
    const Form form{true, era != "2023" && era != "2024", way == "orbax_default" || bare, bare};
    check(name, [&] { return different(orrery::PyTreeCheckpointer().restore(path), in_form(test.tree, form)); });
  } else if (way == "flax_orbax") {
    check(name, [&] { return different(orrery::flax::restore_checkpoint(path), without_empty(state_dict(test))); });
  } else {
    Tree want = state_dict(test);
    if (era == "2023" || era == "2024") want = with_numpy_complex(std::move(want));
    check(name, [&] { return different(orrery::flax::restore_checkpoint(path), want); });
  }
  if (way == "flax")
    check(way + "_again " + test.name, [&] {
      const std::string bytes = content(path);  // read and written again: the same bytes
      return orrery::flax::to_bytes(orrery::flax::msgpack_restore(bytes)) == bytes ? "" : "other bytes";
    });
  if (test.name == "guide") check_struct(way, test.name, path, interop::guide());
  if (test.name == "adam") check_struct(way, test.name, path, interop::adam());
  if (test.name == "column_major") check_struct(way, test.name, path, interop::column_major());
}

// What ArrayCheckpointHandler wrote; the name says which array.
void read_array(const std::string& name, const std::string& path) {
  Tree want = name == "scalar"       ? Tree::scalar(2.5)
              : name == "aggregated" ? interop::leaf("bare", orrery::DType::float32, {4, 2})
                                     : interop::leaf("dtypes/" + name, *orrery::dtype_from_name(name), {2, 3});
  if (name == "scalar" && era != "newest") want = Tree(want.array());  // recorded from 0.12 on
  const orrery::ArrayCheckpointer checkpointer;
  check("array " + name, [&] { return different(checkpointer.restore(path), want); });
  check("array_typed " + name, [&] { return different(Tree(checkpointer.restore<AnyArray>(path)), Tree(want.array())); });
}

struct NumpyKey {
  std::string bit_generator{};
  struct {
    Array<std::uint32_t> key{};
    std::int64_t pos = 0;
  } state{};
  std::int64_t has_gauss = 0;
  double gauss = 0;
};

// What JaxRandomKeySave and NumpyRandomKeySave wrote.
void read_random_key(const std::string& name, const std::string& path) {
  const orrery::PyTreeCheckpointer checkpointer;
  const AnyArray data = interop::array("prng_keys/threefry", orrery::DType::uint32, {2});
  const Tree state = interop::leaf("random_keys/numpy", orrery::DType::uint32, {624});
  const Tree numbers[] = {Tree::scalar(17), Tree::scalar(1), Tree::scalar(0.25)};
  if (name == "old") check("random_key old", [&] { return different(checkpointer.restore(path), Tree(data)); });
  if (name == "typed")
    check("random_key typed", [&] { return different(checkpointer.restore(path), Tree::prng_key("threefry2x32", data)); });
  if (name == "numpy") {
    check("random_key numpy", [&] {
      return different(checkpointer.restore(path), Tree::tuple(interop::trees(Tree::string("MT19937"), state, numbers[0], numbers[1], numbers[2])));
    });
    check("random_key_typed numpy", [&] {
      using Legacy = std::tuple<std::string, Array<std::uint32_t>, std::int64_t, std::int64_t, double>;
      return std::get<2>(checkpointer.restore<Legacy>(path)) == 17 ? "" : "another position";
    });
  }
  if (name == "numpy_dict")
    check("random_key_typed numpy_dict", [&] {
      const auto got = checkpointer.restore<NumpyKey>(path);
      return got.bit_generator == "MT19937" && Tree(got.state.key) == state && got.state.pos == 17 && got.gauss == 0.25 ? "" : "another state";
    });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: interop_reader ERA DIR\n"), 2;
  era = argv[1];
  const std::string directory = argv[2];
  std::map<std::string, const interop::Case*> by_name;
  const std::vector<interop::Case> all = interop::cases();
  for (const interop::Case& test : all) by_name[test.name] = &test;
  std::ifstream written(directory + "/written.txt");
  for (std::string way, name; written >> way >> name;) {
    if (way == "array") read_array(name, directory + "/array/" + name);
    else if (way == "random_key") read_random_key(name, directory + "/random_key/" + name);
    else if (const auto found = by_name.find(name); found != by_name.end())
      read(way, *found->second, directory + "/" + way + "/" + name);
    else
      check(way + " " + name, [] { return "cases.hpp has no such case"; });
  }
  if (passed + failed == 0) check("written.txt", [] { return "nothing was written"; });
  std::printf("%d passed, %d failed, 0 skipped\n", passed, failed);
  return failed ? 1 : 0;
}
