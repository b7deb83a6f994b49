// states save DIR: the model as an Orbax item, as Flax's msgpack, and by the archive pair. states check DIR: what run.py made of each of
// them is restored, with what it has changed. The last line sums up.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "model.hpp"

namespace {

int failed = 0, passed = 0;

void check(bool holds, const std::string& what) {
  ++(holds ? passed : failed);
  if (!holds) std::printf("FAIL %s\n", what.c_str());
}

void check_changed(const model::State& state, const std::string& from) {
  const model::Network& network = state.network;
  check(state.step == 13, from + ": step");
  if (network.layers.size() != 3) return check(false, from + ": a layer was added");
  const auto* dense = dynamic_cast<const model::Dense*>(network.layers[0].get());
  const auto* dropout = dynamic_cast<const model::Dropout*>(network.layers[1].get());
  const auto* added = dynamic_cast<const model::Dense*>(network.layers[2].get());
  if (!dense || !dropout || !added) return check(false, from + ": classes of the layers");
  check(dense->kernel() == std::vector<float>{2, 3, 4} && dense->name == "dense", from + ": kernel");
  check(dropout->rate == 0.25 && dropout->name == "dropout", from + ": rate");
  check(added->kernel() == std::vector<float>{9, 8} && added->name == "added", from + ": added layer");
  check(network.head == network.layers[0], from + ": the head is still the first layer");
  check(!network.spare, from + ": the spare layer is gone");
  check(network.schedules.size() == 2 && network.schedules.at("warmup").radians() == 0.5 && network.schedules.at("decay").radians() == 1,
        from + ": schedules");
  check(!network.best_step && network.worst_step == 3, from + ": optional steps");
  check(network.tag.first.text == "v2" && network.tag.second == 6, from + ": tag");
  check(std::get_if<double>(&network.note) && std::get<double>(network.note) == 0.125, from + ": note");
  check(network.mask == std::vector<bool>{true, true}, from + ": mask");
}

void save(const std::string& directory) {
  const model::State state = model::example();
  orrery::PyTreeCheckpointer().save(directory + "/item", state);
  std::ofstream(directory + "/state.msgpack", std::ios::binary) << orrery::flax::to_bytes(state);
  orrery::cereal_archives::OutputArchive item(directory + "/archive");
  item(cereal::make_nvp("step", state.step), cereal::make_nvp("network", state.network));
  item.close();
  std::ofstream file(directory + "/archive.msgpack", std::ios::binary);
  orrery::cereal_archives::OutputArchive msgpack(file);
  msgpack(cereal::make_nvp("step", state.step), cereal::make_nvp("network", state.network));
  msgpack.close();
}

void check_all(const std::string& directory) {
  check_changed(orrery::PyTreeCheckpointer().restore<model::State>(directory + "/item-back"), "item");
  model::State target = model::example();
  orrery::PyTreeCheckpointer().restore_into(directory + "/item-back", target);
  check_changed(target, "item into a target");
  std::ifstream from(directory + "/state.msgpack-back", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(from)), std::istreambuf_iterator<char>());
  check_changed(orrery::flax::from_bytes<model::State>(bytes), "msgpack");
  check_changed(orrery::flax::from_bytes(model::example(), bytes), "msgpack into a target");
  model::State state;
  orrery::cereal_archives::InputArchive item(directory + "/archive-back");
  item(cereal::make_nvp("network", state.network), cereal::make_nvp("step", state.step));
  check_changed(state, "archive of an item");
  std::ifstream file(directory + "/archive.msgpack-back", std::ios::binary);
  orrery::cereal_archives::InputArchive msgpack(file);
  msgpack(cereal::make_nvp("network", state.network), cereal::make_nvp("step", state.step));
  check_changed(state, "archive of msgpack");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  try {
    if (argv[1] == std::string("save"))
      save(argv[2]);
    else
      check_all(argv[2]);
  } catch (const std::exception& error) {
    std::printf("FAIL %s: %s\n", argv[1], error.what());
    ++failed;
  }
  if (argv[1] == std::string("check")) std::printf("%d passed, %d failed, 0 skipped\n", passed, failed);
  return failed ? 1 : 0;
}
