#include "cases.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>

#include "canonical.hpp"
#include "json_item.hpp"
#include "load.hpp"
#include "orrery/core/error.hpp"
#include "orrery/flax.hpp"
#include "orrery/formats/ocdbt/reader.hpp"

namespace orrery::golden {

namespace {

const std::string root = ORRERY_GOLDEN_DIR;

std::string text_of(const Tree& object, std::string_view key) {
  const Tree* found = object.find(key);
  return found ? found->string() : std::string();
}

// Leaves as the writer's own version restores them; where it could not but the newest can, as the newest does.
void take_expectation(Check& check, const Tree& from) {
  if (const Tree* newest = from.find("leaves_by_newest")) check.leaves = *newest;
  else if (const Tree* leaves = from.find("leaves")) check.leaves = *leaves;
  else check.wants_error = true;
  if (const Tree* count = from.find("leaf_count")) check.leaf_count = count->scalar<std::size_t>();
}

template <class Each>
void for_each_case(Each&& each) {
  const Tree manifest = tools::json_tree_from_file(root + "/manifest.json");
  for (const Tree& entry : manifest["cases"].elements()) each(entry, tools::json_tree_from_file(root + "/" + text_of(entry, "expected")));
}

bool ends_with_item(const std::string& path, const std::string& item) { return path == item || path.ends_with("/" + item); }

// Keys of a database are bytes; the expected files show them as latin-1.
std::string from_latin1(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      text += c;
    } else {
      text += static_cast<char>(0xc0 | byte >> 6);
      text += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
  return text;
}

Tree load_database(const std::string& path) {
  auto database = ocdbt::Database::open(path);
  Tree tree = Tree::dict();
  for (const ocdbt::Entry& entry : database.entries()) tree.insert({from_latin1(entry.key)}, Tree::bytes(database.read(entry)));
  return tree;
}

// The target of flax's cases of arrays of several processes, whose dtypes and shapes the file tells.
struct ProcessState {
  std::map<std::string, AnyArray> params{};
  Array<float> plain{};
  std::int64_t step = 0;
};

Tree load_check(const Check& check) {
  if (check.name.ends_with(", restore_checkpoint with a target")) return flax::to_state_dict(flax::restore_checkpoint<ProcessState>(check.path));
  if (check.layout == "ocdbt database") return load_database(check.path);
  std::vector<tools::Part> parts = tools::locate(check.path, {{}, check.item});
  if (parts.size() == 1) return tools::load(parts[0]);
  const auto place = [&](const tools::Part& part) {  // items come as the expected leaves name them
    const auto leaves = check.leaves.elements();
    return std::find_if(leaves.begin(), leaves.end(), [&](const Tree& leaf) { return leaf["path"][0].string() == part.item; }) - leaves.begin();
  };
  std::stable_sort(parts.begin(), parts.end(), [&](const tools::Part& a, const tools::Part& b) { return place(a) < place(b); });
  Tree tree = Tree::dict();
  for (const tools::Part& part : parts) tree.insert({part.item}, tools::load(part));
  return tree;
}

std::string described(const Tree& leaf) {
  std::string out = "{";
  for (const Tree::Item& field : leaf.items()) {
    out += (out.size() > 1 ? ", " : "") + field.key.text + ": ";
    if (field.value.is_list()) {
      for (const Tree& step : field.value.elements())
        out += step.is_dict()                      ? "/{}"
               : step.kind() == Tree::Kind::string ? "/" + step.string()
                                                   : "/" + std::to_string(step.scalar<std::int64_t>());
    } else if (field.value.kind() == Tree::Kind::string) {
      out += field.value.string();
    } else if (field.value.is_leaf()) {
      tools::append_number(out, field.value.array().view());
    }
  }
  return out + "}";
}

// Between the leaves of a tree and those that the check expects; fields that need values count only where they are asked for.
std::string difference(const Check& check, const Tree& tree, tools::CanonicalOptions options) {
  const Tree actual = tools::json_tree(tools::canonical_json("", tree, options), check.name);
  const auto leaves = actual["leaves"].elements();
  const auto expected = check.leaves.elements();
  const std::size_t count = std::max(check.leaf_count, expected.size()), head = check.leaf_count ? expected.size() / 2 : count;
  if (leaves.size() != count) return std::to_string(leaves.size()) + " leaves, expected " + std::to_string(count);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const Tree& leaf = leaves[i < head ? i : count - expected.size() + i];
    Tree wanted = expected[i];
    wanted.erase("restored_as");
    if (!options.checksums)
      for (const char* field : {"crc32c", "hex", "value", "value_prefix"}) wanted.erase(field);
    if (!(leaf == wanted)) return "leaf " + std::to_string(i) + " is " + described(leaf) + ", expected " + described(wanted);
  }
  return {};
}

}  // namespace

std::vector<Check> all_checks() {
  std::vector<Check> checks;
  for_each_case([&](const Tree& entry, const Tree& expected) {
    Check base;
    base.name = text_of(entry, "case");
    base.layout = text_of(entry, "layout");
    base.path = root + "/" + text_of(entry, "checkpoint");
    const Tree* parts = expected.find("parts");
    if (!parts) {
      take_expectation(base, expected);
      checks.push_back(std::move(base));
      return;
    }
    for (const Tree& part : parts->elements()) {
      const std::string path = text_of(part, "path"), what = text_of(part, "what"), item = text_of(part, "item");
      if (path.empty()) continue;  // notes
      Check check = base;
      check.path += "/" + path;
      check.name += ": " + path;
      if (!item.empty() && !ends_with_item(path, item)) {
        check.item = item;
        check.name += "/" + item;
      }
      if (!what.empty()) check.name += ", " + what;
      take_expectation(check, part);
      checks.push_back(std::move(check));
    }
  });
  return checks;
}

std::vector<LatestStep> latest_steps() {
  std::vector<LatestStep> found;
  for_each_case([&](const Tree& entry, const Tree& expected) {
    const Tree* parts = expected.find("parts");
    if (!parts) return;
    for (const Tree& part : parts->elements())
      if (const Tree* latest = part.find("latest_step"); latest && !latest->is_none())
        found.push_back({text_of(entry, "case"), root + "/" + text_of(entry, "checkpoint"), latest->scalar<double>()});
  });
  return found;
}

std::string what_is_wrong(const Check& check) try {
  const Tree tree = load_check(check);
  if (check.wants_error) return "it restores, but the real library refuses it";
  return difference(check, tree, {true, true});
} catch (const Error& error) {
  return check.wants_error ? std::string() : error.what();
}

std::string what_is_wrong_with_metadata(const Check& check) try {
  if (check.wants_error || !check.layout.starts_with("orbax")) return {};
  const std::vector<tools::Part> parts = tools::locate(check.path, {{}, check.item});
  return parts.size() == 1 ? difference(check, tools::open(parts[0])->tree(), {}) : std::string();
} catch (const Error& error) {
  return error.what();
}

}  // namespace orrery::golden
