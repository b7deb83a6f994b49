#include "locate.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>

#include "orrery/core/error.hpp"
#include "orrery/orbax/item_place.hpp"

namespace orrery::tools {

namespace fs = std::filesystem;

namespace {

// spec/orbax.md 1.3: every form of a temporary name contains this.
constexpr std::string_view temporary_mark = ".orbax-checkpoint-tmp";

bool file_at(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}
bool directory_at(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}
bool anything_at(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

std::vector<std::string> names_in(const fs::path& directory) {
  std::error_code error;
  std::vector<std::string> names;
  fs::directory_iterator it(directory, error);
  if (!error)
    for (; it != fs::directory_iterator(); it.increment(error)) names.push_back(it->path().filename().string());
  if (error) throw IoError("the directory cannot be listed: " + error.message(), error.value(), {{}, directory.string()});
  std::sort(names.begin(), names.end());
  return names;
}

bool is_temporary(const std::string& name) { return name.find(temporary_mark) != std::string::npos; }

bool has_zarr(const fs::path& directory) { return anything_at(directory / ".zarray") || anything_at(directory / "zarr.json"); }

bool has_item_mark(const fs::path& path) {
  for (const char* mark : {"_METADATA", "manifest.ocdbt", "checkpoint"})
    if (anything_at(path / mark)) return true;
  return false;
}

// An item of one unnamed array has the files of that array beside its own.
bool is_bare_array(const fs::path& path) { return directory_at(path) && has_zarr(path) && !has_item_mark(path); }

bool is_item(const fs::path& path) {
  if (!directory_at(path)) return false;
  return has_zarr(path) || orbax::is_item_folder(path.string()) || orbax::find_random_key(path.string());
}

// JsonCheckpointHandler's directory: one file of such a name and no directory (a root may have a directory "metadata").
std::optional<std::string> json_file(const fs::path& path) {
  if (!directory_at(path)) return std::nullopt;
  for (const std::string& child : names_in(path))
    if (directory_at(path / child)) return std::nullopt;
  for (const char* candidate : {"metadata", "metrics", "data.json"})
    if (file_at(path / candidate)) return candidate;
  return std::nullopt;
}

bool is_step_marked(const fs::path& path) { return file_at(path / "_CHECKPOINT_METADATA") || file_at(path / "orbax.checkpoint"); }

// What one process of Orbax wrote, inside an item; its name ends as a step's does.
bool is_process_database(const std::string& name) { return name.starts_with("ocdbt.process_"); }

std::vector<std::string> items_in(const fs::path& step) {
  std::vector<std::string> found;
  for (std::string& child : names_in(step)) {
    const bool foreign = child == "LOCKED" || child == "_SNAPSHOTS" || child == "descriptor" || child == "array_metadatas" ||
                         is_process_database(child) || is_temporary(child);
    if (!foreign && directory_at(step / child)) found.push_back(std::move(child));
  }
  return found;
}

// A step without a marker, as Orbax wrote them before 0.5: it holds items.
bool is_bare_step(const fs::path& path) {
  if (!directory_at(path)) return false;
  const auto names = items_in(path);
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& child) { return is_item(path / child) || json_file(path / child); });
}

bool is_step_entry(const fs::path& path) {
  const std::string name = path.filename().string();
  if (is_temporary(name) || is_process_database(name)) return false;
  return file_at(path) || is_item(path) || json_file(path).has_value() || (directory_at(path) && is_step_marked(path)) ||
         is_bare_step(path);
}

struct StepEntry {
  double number;
  std::string name;
};

// Steps by series, in numeric order.
std::map<std::string, std::vector<StepEntry>> steps_in(const fs::path& root) {
  std::map<std::string, std::vector<StepEntry>> series;
  for (const std::string& child : names_in(root))
    if (auto step = parse_step_name(child); step && is_step_entry(root / child)) series[step->series].push_back({step->number, child});
  for (auto& [prefix, entries] : series)
    std::sort(entries.begin(), entries.end(), [](const StepEntry& a, const StepEntry& b) { return a.number < b.number; });
  return series;
}

class Locator {
 public:
  explicit Locator(const LocateOptions& options) : options_(options) {}

  std::vector<Part> parts;

  void visit(const fs::path& path, const fs::path& below, std::optional<double> step, bool inside_root) {
    if (file_at(path)) return add(is_safetensors(path) ? Layout::safetensors : Layout::flax, path, below, step);
    if (is_bare_array(path)) return add(Layout::zarr, path, below, step);
    if (is_item(path)) {
      add(Layout::orbax, path, below, step);
      parts.back().state_dict = inside_root;  // Orbax's manager puts items into steps
      return;
    }
    if (auto file = json_file(path)) return add(Layout::json, path / *file, below, step);
    if (is_step_marked(path)) return items(path, below, step);
    if (!inside_root) {
      const auto series = steps_in(path);
      if (!series.empty()) return root(path, below, series);
    }
    if (is_bare_step(path)) return items(path, below, step);
    throw FormatError("this is no checkpoint that orrery knows: expected a legacy Flax or safetensors file, an Orbax item, a step, a directory of steps "
                      "or a zarr array",
                      {{}, path.string()});
  }

 private:
  void add(Layout layout, const fs::path& path, const fs::path& below, std::optional<double> step, std::string item = {}) {
    parts.push_back({layout, path.string(), below.empty() ? "." : below.string(), step, std::move(item)});
  }

  void items(const fs::path& path, const fs::path& below, std::optional<double> step) {
    const std::size_t before = parts.size();
    for (const std::string& child : items_in(path)) {
      if (!options_.item.empty() && options_.item != child) continue;
      if (is_bare_array(path / child)) add(Layout::zarr, path / child, below / child, step, child);
      else if (is_item(path / child)) add(Layout::orbax, path / child, below / child, step, child);
      else if (auto file = json_file(path / child)) add(Layout::json, path / child / *file, below / child, step, child);
      else throw FormatError("the item \"" + child + "\" is of a kind that orrery cannot read", {{}, (path / child).string()});
    }
    if (parts.size() == before)
      throw NotFoundError(options_.item.empty() ? "the step holds no items" : "the step holds no item \"" + options_.item + "\"",
                          {{}, path.string()});
  }

  void root(const fs::path& path, const fs::path& below, const std::map<std::string, std::vector<StepEntry>>& series) {
    auto chosen = series.begin();
    if (series.size() > 1)
      for (const char* usual : {"", "checkpoint_"})
        if (auto found = series.find(usual); found != series.end()) chosen = found;
    if (series.size() > 1 && !chosen->first.empty() && chosen->first != "checkpoint_") {
      std::string known;
      for (const auto& [prefix, entries] : series) known += (known.empty() ? "" : ", ") + entries.back().name;
      throw ArgumentError("this directory holds several series of steps; name one checkpoint, as " + known, {{}, path.string()});
    }
    const StepEntry* entry = &chosen->second.back();
    if (options_.step) {
      const auto found =
          std::find_if(chosen->second.begin(), chosen->second.end(), [&](const StepEntry& e) { return e.number == *options_.step; });
      if (found == chosen->second.end()) throw NotFoundError("there is no such step; the latest is " + entry->name, {{}, path.string()});
      entry = &*found;
    }
    visit(path / entry->name, below / entry->name, entry->number, true);
  }

  // Eight bytes of length, then JSON: what no msgpack file of Flax can be. A damaged file has its name to tell it by.
  static bool is_safetensors(const fs::path& path) {
    if (path.extension() == ".safetensors") return true;
    unsigned char head[9] = {};
    std::ifstream file(path, std::ios::binary);
    if (!file.read(reinterpret_cast<char*>(head), sizeof head) || head[8] != '{') return false;
    std::uint64_t length = 0;
    for (int i = 7; i >= 0; --i) length = length << 8 | head[i];
    std::error_code ignored;
    return length <= fs::file_size(path, ignored) - 8;
  }

  const LocateOptions& options_;
};

}  // namespace

std::string_view name(Layout layout) {
  constexpr std::string_view names[] = {"flax", "orbax", "json", "zarr", "safetensors"};
  return names[static_cast<std::size_t>(layout)];
}

std::optional<StepName> parse_step_name(const std::string& name) {
  for (std::size_t at = 0; at < name.size(); ++at) {
    const bool sign = name[at] == '-' || name[at] == '+';
    const std::size_t digits = at + (sign ? 1 : 0);
    if (digits >= name.size() || !std::isdigit(static_cast<unsigned char>(name[digits]))) continue;
    double number = 0;
    const char* first = name.data() + (name[at] == '+' ? digits : at);
    const auto [end, error] = std::from_chars(first, name.data() + name.size(), number);
    if (error == std::errc() && end == name.data() + name.size()) return StepName{name.substr(0, at), number};
  }
  return std::nullopt;
}

std::vector<Part> locate(const std::string& path, const LocateOptions& options) {
  if (path.find("://") != std::string::npos)
    throw ArgumentError("\"" + path + "\" has a scheme; orrery reads local and mounted paths only");
  if (!anything_at(path)) throw NotFoundError("there is nothing at this path", {{}, path});
  const fs::path plain = (fs::path(path) / "").lexically_normal().parent_path();  // no slash at its end
  if (is_temporary(plain.filename().string()))
    throw FormatError("this is what an interrupted save left; it was never committed", {{}, path});
  Locator locator(options);
  locator.visit(plain, {}, std::nullopt, false);
  return std::move(locator.parts);
}

}  // namespace orrery::tools
