// reader ERA DIRECTORY: reads the arrays that write.py has TensorStore write, whole, transposed and in part, and compares with the elements
// that TensorStore itself read back. One line for each that fails, and a sum.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include "orrery/core/any_array.hpp"
#include "orrery/core/copy.hpp"
#include "orrery/formats/zarr/array_directory.hpp"
#include "orrery/storage/file.hpp"
#include "orrery/storage/file_system.hpp"

namespace {

using namespace orrery;

std::string bytes_of(const ArrayView& view) {
  std::string bytes(view.nbytes(), '\0');
  if (!bytes.empty()) copy(view, bytes.data());
  return bytes;
}

// Empty where all is well.
std::string what_is_wrong(const std::string& path) try {
  const auto array = zarr::ArrayDirectory::open(path);
  const zarr::ArrayMetadata& metadata = array.metadata();
  const std::string wanted = storage::read_file(path + ".bin", std::size_t{1} << 30);
  const AnyArray whole = AnyArray::uninitialized(metadata.dtype, metadata.shape);
  array.read(whole.view());
  if (bytes_of(whole.view()) != wanted) return "elements differ";

  const AnyArray turned = AnyArray::uninitialized(metadata.dtype, metadata.shape);  // the same memory, first index fastest
  const ArrayView f{metadata.dtype, metadata.shape, f_strides(metadata.shape, item_size(metadata.dtype)), turned.view().data};
  array.read(f);
  if (bytes_of(f) != wanted) return "elements differ in a column-major target";

  std::minstd_rand random(static_cast<unsigned>(wanted.size() + 1));
  for (int i = 0; i < 5; ++i) {
    zarr::Box box = zarr::Box::whole(metadata.shape);
    for (std::size_t axis = 0; axis < box.origin.size(); ++axis) {
      box.origin[axis] = static_cast<Dim>(random() % static_cast<unsigned long>(metadata.shape[axis]));
      box.extents[axis] = 1 + static_cast<Dim>(random() % static_cast<unsigned long>(metadata.shape[axis] - box.origin[axis]));
    }
    const AnyArray part = AnyArray::uninitialized(metadata.dtype, box.extents);
    array.read(box, part.view());
    if (bytes_of(part.view()) != bytes_of(part_of(whole.view(), box)))
      return "elements of the box " + to_string(box.extents) + " at " + to_string(box.origin) + " differ";
  }

  // What we would write ourselves is written as TensorStore writes it.
  const bool v3 = storage::exists(path + "/zarr.json");
  const std::string text = storage::read_file(path + (v3 ? "/zarr.json" : "/.zarray"), std::size_t{1} << 20);
  std::optional<std::string> ours;
  try {
    ours = v3 ? zarr::to_json_v3(metadata) : zarr::to_json(metadata);
  } catch (const ArgumentError&) {
  }
  const auto without = [](std::string json, std::string_view part) {  // a separator that is the default anyway
    for (std::size_t at; (at = json.find(part)) != std::string::npos;) json.erase(at, part.size());
    return json;
  };
  if (ours && text.find("transpose") == std::string::npos) {  // of which we keep the sum alone
    const std::string theirs = text.find("\"name\":\"default\"") != std::string::npos ? without(text, "\"configuration\":{\"separator\":\"/\"},")
                                                                                     : without(text, "\"configuration\":{\"separator\":\".\"},");
    if (*ours != theirs) return "metadata are written as " + *ours + " and TensorStore writes " + text;
  }
  return {};
} catch (const Error& error) {
  return error.what();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  int passed = 0, failed = 0;
  for (const std::string& name : storage::list_directory(argv[2])) {
    if (!name.ends_with(".txt")) continue;
    const std::string path = std::string(argv[2]) + "/" + name.substr(0, name.size() - 4);
    const std::string wrong = what_is_wrong(path);
    ++(wrong.empty() ? passed : failed);
    if (!wrong.empty()) std::printf("FAIL %s %s: %s\n", argv[1], storage::read_file(path + ".txt", 1 << 20).c_str(), wrong.c_str());
  }
  std::printf("%d passed, %d failed, 0 skipped\n", passed, failed);
  return failed || passed < 40 ? 1 : 0;
}
