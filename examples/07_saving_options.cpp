// How a checkpoint is stored: directories or one database, zarr v2 or v3, chunks, compression, dtypes.
#include <cstdio>
#include <map>
#include <string>

#include <orrery/orrery.hpp>

using State = std::map<std::string, orrery::Array<float>>;

int main(int argc, char** argv) {
  const std::string dir = argc > 1 ? argv[1] : "/tmp/orrery";
  const State state{{"embedding", orrery::Array<float>::zeros({1 << 16, 8})}, {"kernel", orrery::Array<float>::arange(1 << 12)}};
  orrery::PyTreeCheckpointer checkpointer;

  checkpointer.save(dir + "/default", state, {.force = true});  // one database; plain, but for arrays that are almost empty
  checkpointer.save(dir + "/small", state, {.force = true, .compression = orrery::Compression::zstd(1)});      // as Orbax does
  checkpointer.save(dir + "/chunks", state, {.force = true, .chunk_byte_size = 1 << 20});                      // for sharded readers
  checkpointer.save(dir + "/files", state, {.force = true, .use_ocdbt = false});                               // a directory an array
  checkpointer.save(dir + "/verified", state, {.force = true, .use_zarr3 = true});                             // Python checks every bit
  checkpointer.save(dir + "/half", state, {.force = true, .cast = orrery::DType::bfloat16});                   // all floating point
  checkpointer.save(dir + "/mixed", state, {.force = true, .cast = {{"embedding", orrery::DType::float16}}});  // by key path

  for (const char* name : {"default", "small", "chunks", "files", "verified"})
    if (checkpointer.restore<State>(dir + "/" + name) != state) return std::printf("%s differs\n", name), 1;
  const orrery::TreeMetadata mixed = checkpointer.metadata(dir + "/mixed");
  for (const auto& leaf : mixed.leaves()) std::printf("%s: %s\n", leaf.path.c_str(), std::string(orrery::name(leaf.dtype)).c_str());
}
