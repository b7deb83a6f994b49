// A whole Orbax item: the input is cut into files, which are put into a directory in memory and restored raw and into a typed target.
//
//   entries: kind (1 byte), length of the name (1), name, length of the content (2, little-endian), content
//   kind 0: a file of that name; kind 1: a key of a database at the item's root, inline; kind 2: the same out of line
//
// Databases are made here, since mutations of their files die of their checksums.
#include "contract.hpp"

#include <unistd.h>

#include <algorithm>

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "orrery/core/byte_io.hpp"
#include "orrery/formats/ocdbt/writer.hpp"
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

void make_item(std::string_view input, const std::string& directory) {
  storage::make_directories(directory);
  ByteReader reader(input);
  ocdbt::Writer database({}, {});
  const ocdbt::DataFile data_file{"", "d/data"};
  database.add_file(data_file);
  std::string data;
  std::size_t count = 0;
  while (!reader.at_end() && ++count <= 64) {
    const unsigned kind = reader.u8() % 3;
    const std::string_view name = reader.text(reader.u8());
    const std::string_view content = reader.text(reader.u16le());
    if (kind == 0) {
      const std::string path = directory + "/" + std::string(name);
      if (!is_tame(name)) continue;
      storage::make_directories(storage::parent_directory(path));
      storage::write_file(path, content);
    } else if (kind == 1) {
      database.put_inline(name, content);
    } else {
      database.put_reference(name, 0, data.size(), content.size());
      data += content;
    }
  }
  if (database.size() == 0) return;
  const ocdbt::WriterResult result = database.finish(data_file, data.size());
  storage::make_directories(directory + "/d");
  storage::write_file(directory + "/d/data", data + result.nodes);
  storage::write_file(directory + "/manifest.ocdbt", result.manifest);
}

}  // namespace

void item(std::string_view input) {
  static Scratch scratch;
  scratch.clear();
  if (!accepts([&] { make_item(input, scratch.path()); })) return;
  const PyTreeCheckpointer checkpointer;
  accepts([&] { checkpointer.metadata(scratch.path()); });
  accepts([&] { checkpointer.restore(scratch.path()); });
  accepts([&] { checkpointer.restore<Target>(scratch.path(), {.cast = true}); });
  Target target;
  target.params["a"].kernel = Array<float>({2, 3});
  target.data.resize(2);
  accepts([&] { checkpointer.restore_into(scratch.path(), target, {.allow_extra = false}); });
}

}  // namespace orrery::fuzz
