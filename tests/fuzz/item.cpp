// A whole Orbax item, or what stands beside one: the input is cut into files, which are put into a directory in memory and restored in
// every way there is.
//
//   entries: kind (1 byte), length of the name (1), name, length of the content (2, little-endian), content
//   kind 0: a file of that name; kind 1: a key of a database, inline; kind 2: the same out of line;
//   kind 3: keys that follow are of the database in the folder of that name, until then of the one at the root
//
// Databases are made here, since mutations of their files die of their checksums.
#include "contract.hpp"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "orrery/core/byte_io.hpp"
#include "orrery/flax/checkpoints.hpp"
#include "orrery/formats/ocdbt/writer.hpp"
#include "orrery/formats/zarr/array_directory.hpp"
#include "orrery/orbax/array_checkpointer.hpp"
#include "orrery/orbax/pytree_checkpointer.hpp"
#include "orrery/storage/file_system.hpp"
#include "orrery/tree/prng_key.hpp"

namespace orrery::fuzz {

namespace {

struct Dense {
  Array<float> kernel{};
  Array<double> bias{};
};
struct Target {
  std::int64_t step = 0;
  std::map<std::string, Dense> params{};
  std::vector<Array<float>> data{};
  std::optional<Array<bfloat16>> ema{};
  std::variant<std::string, std::int64_t, Array<std::int32_t>> any{};
  PrngKey key{};
  Tree rest{};
};

// One directory for the life of the process.
class Scratch {
 public:
  Scratch() : path_(std::string(::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp") + "/orrery-fuzz-" + std::to_string(::getpid())) {}
  ~Scratch() { clear(); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const std::string& path() const { return path_; }
  void clear() {
    if (storage::exists(path_)) storage::remove_tree(path_);
  }

 private:
  std::string path_;
};

// Stays below the item: no "..", no empty part, few levels.
bool is_tame(std::string_view name) {
  if (name.empty() || name.size() > 120 || name.front() == '/' || name.find("..") != name.npos || name.find("//") != name.npos ||
      name.find('\0') != name.npos || std::count(name.begin(), name.end(), '/') > 4)
    return false;
  return name.back() != '/';
}

class Databases {
 public:
  void choose(std::string_view folder) {
    const auto found = std::find_if(all_.begin(), all_.end(), [&](const auto& each) { return each->folder == folder; });
    current_ = found != all_.end() ? found->get() : all_.emplace_back(std::make_unique<One>(std::string(folder))).get();
  }
  void put(std::string_view key, std::string_view value, bool is_inline) {
    if (!current_) choose({});
    if (is_inline) return current_->writer.put_inline(key, value);
    current_->writer.put_reference(key, 0, current_->data.size(), value.size());
    current_->data += value;
  }
  void write(const std::string& directory) {
    for (const auto& each : all_) {
      if (each->writer.size() == 0) continue;
      const std::string path = each->folder.empty() ? directory : directory + "/" + each->folder;
      const ocdbt::WriterResult result = each->writer.finish(data_file, each->data.size());
      storage::make_directories(path + "/d");
      storage::write_file(path + "/d/data", each->data + result.nodes);
      storage::write_file(path + "/manifest.ocdbt", result.manifest);
    }
  }

 private:
  inline static const ocdbt::DataFile data_file{"", "d/data"};
  struct One {
    explicit One(std::string name) : folder(std::move(name)) { writer.add_file(data_file); }
    std::string folder;
    ocdbt::Writer writer{{}, {}};
    std::string data{};
  };

  std::vector<std::unique_ptr<One>> all_{};
  One* current_ = nullptr;
};

void make_item(std::string_view input, const std::string& directory) {
  storage::make_directories(directory);
  ByteReader reader(input);
  Databases databases;
  std::size_t count = 0;
  while (!reader.at_end() && ++count <= 64) {
    const unsigned kind = reader.u8() % 4;
    const std::string_view name = reader.text(reader.u8());
    const std::string_view content = reader.text(reader.u16le());
    if (kind == 0) {
      const std::string path = directory + "/" + std::string(name);
      if (!is_tame(name)) continue;
      storage::make_directories(storage::parent_directory(path));
      storage::write_file(path, content);
    } else if (kind == 3) {
      if (name.empty() || is_tame(name)) databases.choose(name);
    } else {
      databases.put(name, content, kind == 1);
    }
  }
  databases.write(directory);
}

Target small_target() {
  Target target;
  target.params["a"].kernel = Array<float>({2, 3});
  target.data.resize(2);
  return target;
}

// Raw, mapped and described must agree.
void restore_raw(const std::string& path) {
  const PyTreeCheckpointer checkpointer;
  const auto tree = read([&] { return checkpointer.restore(path); });
  const auto mapped = read([&] { return checkpointer.restore_mapped(path); });
  const auto metadata = read([&] { return checkpointer.metadata(path); });
  if (tree) {
    expect(metadata.has_value() && mapped.has_value(), "item: it can be restored, and not be described or mapped");
    expect(mapped->copy() == *tree, "item: mapped it is something else than restored");
  }
  if (mapped) accepts([&] { mapped->verify(); });
  RestoreReport report;
  const RestoreOptions some{.restore_args = {{"step", {.placeholder = true}},
                                             {"data/0", {.shape = Shape{3}, .strict = false}},
                                             {"(params|rest)/.*", {.dtype = DType::bfloat16}}},
                            .verify_checksums = false,
                            .report = &report};
  accepts([&] { checkpointer.restore(path, some); });
  accepts([&] { checkpointer.restore(path, {.subtree = "params/a"}); });
}

void restore_typed(const std::string& path) {
  const PyTreeCheckpointer checkpointer;
  accepts([&] { checkpointer.restore<Target>(path, {.cast = true}); });
  Target target = small_target();
  accepts([&] { checkpointer.restore_into(path, target, {.allow_extra = false}); });
  Transforms rules;
  rules.add("step", {.original_key = "any"});
  rules.add("params/(.*)/bias", {.original_key = "params/\\1/kernel"});
  rules.add("data/.*", {.value_fn = [](const Tree& value) { return value; }});
  target = small_target();
  accepts([&] { checkpointer.restore_into(path, target, {.transforms = rules, .cast = true}); });
}

}  // namespace

void item(std::string_view input) {
  static Scratch scratch;
  scratch.clear();
  const std::string& path = scratch.path();
  if (!accepts([&] { make_item(input, path); })) return;
  restore_raw(path);
  restore_typed(path);
  const ArrayCheckpointer arrays;
  accepts([&] { arrays.restore(path); });
  accepts([&] { arrays.restore<Array<float>>(path, {.cast = true}); });
  // A file of Flax, and what several processes wrote beside it.
  if (storage::exists(path + "/checkpoint_3_gda")) {
    accepts([&] { flax::restore_checkpoint(path); });
    accepts([&] { flax::restore_checkpoint<Target>(path, {.cast = true}); });
    accepts([&] { flax::restore_checkpoint(path, small_target()); });
  }
  // An array of another program.
  if (zarr::ArrayDirectory::is_at(path)) {
    accepts([&] {
      const zarr::ArrayDirectory array = zarr::ArrayDirectory::open(path);
      const AnyArray to = AnyArray::zeros(array.metadata().dtype, array.metadata().shape);
      array.read(to.view());
    });
  }
}

}  // namespace orrery::fuzz
