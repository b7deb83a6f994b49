// interop_writer OUT: every case as an Orbax item (OUT/orbax/NAME), as what flax.serialization.to_bytes writes (OUT/flax/NAME) and as
// what msgpack_serialize of its state dict writes (OUT/flax_sorted/NAME). Cases with a struct are saved from the struct, the train states
// also with Flax's Orbax backend (OUT/flax_orbax/NAME), single arrays as ArrayCheckpointHandler does (OUT/array/NAME). Some cases again
// with each set of options that changes the files (OUT/options/SET/NAME).
#include <concepts>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cases.hpp"

namespace {

int failures = 0;

void fail(const std::string& name, const std::string& what) {
  std::printf("FAIL write %s: %s\n", name.c_str(), what.c_str());
  ++failures;
}

void put(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

// What TensorStore has no dtype for is refused, and nothing is left behind.
void refuse(const std::string& out, const interop::Case& test) {
  const std::string path = out + "/orbax/" + test.name;
  try {
    orrery::PyTreeCheckpointer().save(path, test.tree, {.force = true});
    fail(test.name, "Orbax cannot hold this, but the save went through");
  } catch (const orrery::ArgumentError&) {
    if (std::filesystem::exists(path)) fail(test.name, "the refused save left something behind");
  }
}

template <class T>
void write(const std::string& out, const interop::Case& test, const T& value) {
  try {
    if (test.orbax)
      orrery::PyTreeCheckpointer().save(out + "/orbax/" + test.name, value, {.force = true, .durability = orrery::Durability::fast});
    if (test.name == "guide" || test.name == "adam")
      orrery::flax::save_checkpoint(out + "/flax_orbax/" + test.name, value, 7, {.overwrite = true});
    if (!test.flax) return;
    put(out + "/flax/" + test.name, orrery::flax::to_bytes(value));
    put(out + "/flax_sorted/" + test.name, orrery::flax::msgpack_serialize(orrery::flax::to_state_dict(value)));
  } catch (const std::exception& error) {
    fail(test.name, error.what());
  }
}

using orrery::Compression;

// Sets of options by the names that check.py knows them by.
struct Set {
  const char* name;
  orrery::SaveOptions options;
};
std::vector<Set> sets() {
  return {{"background", {.force = true}},
          {"chunks", {.force = true, .chunk_byte_size = 64}},
          {"zstd", {.force = true, .compression = Compression::zstd()}},
          {"zarr3", {.force = true, .use_zarr3 = true}},
          {"zarr3_zstd", {.force = true, .use_zarr3 = true, .compression = Compression::zstd(3)}},
          {"cast", {.force = true, .cast = orrery::DType::bfloat16}},
          {"files", {.force = true, .use_ocdbt = false}},
          {"files_zstd", {.force = true, .use_ocdbt = false, .compression = Compression::zstd(), .chunk_byte_size = 64}},
          {"zarr3_files", {.force = true, .use_ocdbt = false, .use_zarr3 = true, .chunk_byte_size = 64}}};
}
bool is_saved_with(const std::string& set, const std::string& name) {
  if (set == "cast") return name == "dtypes";
  for (const char* chosen : {"guide", "adam", "column_major", "dtypes", "ranks", "empty_arrays", "scalars", "strings", "numpy_scalars",
                             "keys", "zeros", "bare", "big", "chunked"})
    if (name == chosen) return true;
  return false;
}

// TensorStore takes a backslash in the name of a file for a slash: such keys are refused without OCDBT.
orrery::Tree without_backslashes(orrery::Tree tree) {
  if (!tree.is_dict()) return tree;
  orrery::Tree out = orrery::Tree::dict();
  for (orrery::Tree::Item& item : tree.items())
    if (item.key.text.find('\\') == std::string::npos) out.insert(item.key, std::move(item.value));
  return out;
}

template <class T>
void write_sets(const std::string& out, const std::string& name, T value) {
  for (Set& set : sets()) {
    if (!is_saved_with(set.name, name)) continue;
    if (set.options.chunk_byte_size && name == "big") set.options.chunk_byte_size = 1 << 16;
    if constexpr (std::same_as<T, orrery::Tree>)
      if (!set.options.use_ocdbt) value = without_backslashes(std::move(value));
    try {
      const std::string path = out + "/options/" + set.name + "/" + name;
      if (std::string_view(set.name) != "background") {
        orrery::PyTreeCheckpointer().save(path, value, set.options);
        continue;
      }
      orrery::AsyncCheckpointer async;
      async.save(path, value, set.options);
      async.wait_until_finished();
    } catch (const std::exception& error) {
      fail(set.name + (" " + name), error.what());
    }
  }
}

// One array or number an item, as ArrayCheckpointHandler has them.
void write_arrays(const std::string& out) {
  const orrery::SaveOptions options{.force = true, .durability = orrery::Durability::fast};
  const orrery::ArrayCheckpointer checkpointer;
  for (const interop::Case& test : interop::cases()) {
    if (test.name != "dtypes") continue;
    for (const auto& [key, leaf] : test.tree.items()) checkpointer.save(out + "/array/" + key.text, leaf, options);
  }
  checkpointer.save(out + "/array/scalar", 2.5, options);
  checkpointer.save(out + "/array/integer", std::int64_t{-7}, options);
  checkpointer.save(out + "/array/rank0", interop::array("array/rank0", interop::DType::int16, {}), options);
  checkpointer.save(out + "/array/empty", orrery::Array<float>(orrery::Shape{0, 3}), options);
  checkpointer.save(out + "/array/column_major", interop::column_major().matrix, options);
  checkpointer.save(out + "/array/key", orrery::PrngKey{.data = orrery::Array<std::uint32_t>(interop::array("prng_keys/threefry", interop::DType::uint32, {2}))}, options);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: interop_writer OUT\n"), 2;
  const std::string out = argv[1];
  for (const char* folder : {"/orbax", "/flax", "/flax_sorted"}) std::filesystem::create_directories(out + folder);
  for (const interop::Case& test : interop::cases()) {
    if (test.name == "column_major")
      write_sets(out, test.name, interop::column_major());
    else
      write_sets(out, test.name, test.tree);
    if (!test.write) continue;
    if (!test.orbax && test.name.starts_with("dtype_")) refuse(out, test);
    if (test.name == "guide")
      write(out, test, interop::guide());
    else if (test.name == "adam")
      write(out, test, interop::adam());
    else if (test.name == "column_major")
      write(out, test, interop::column_major());
    else
      write(out, test, test.tree);
  }
  write_arrays(out);
  std::printf("%s\n", failures ? "some cases could not be written" : "all cases written");
  return failures ? 1 : 0;
}
