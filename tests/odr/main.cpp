// Both units of one program, each in a line, and below what is not of any type: the writers.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "types.hpp"

#include "orrery/formats/msgpack/writer.hpp"
#include "orrery/orbax/save_item.hpp"

namespace {

std::string hex(const std::string& bytes) {
  std::string text;
  char two[3] = {};
  for (const char byte : bytes) text += (std::snprintf(two, sizeof two, "%02x", static_cast<unsigned char>(byte)), two);
  return text;
}

}  // namespace

// Flax's msgpack, and every file of an Orbax item but for the two that say when it was written.
std::string odr::written(const orrery::TreeView& view, const std::string& directory) {
  namespace fs = std::filesystem;
  std::string msgpack;
  orrery::msgpack_format::to_string(orrery::msgpack_format::image_of_state_dict(view), msgpack);
  std::string text = "msgpack " + hex(msgpack);
  fs::remove_all(directory);
  orrery::orbax::save_item(directory, view, {.use_ocdbt = false, .compression = orrery::Compression::none()});
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(directory))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    const std::string name = fs::relative(file, directory).string();
    if (name == "_CHECKPOINT_METADATA" || name == "commit_success.txt") continue;
    std::ifstream in(file, std::ios::binary);
    text += " " + name + " " + hex(std::string(std::istreambuf_iterator<char>(in), {}));
  }
  return text;
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  std::printf("%s\n%s\n", odr::with_adapter(std::string(argv[1]) + "/with").c_str(),
              odr::without_adapter(std::string(argv[1]) + "/without").c_str());
}
