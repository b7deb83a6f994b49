// Code that uses cereal writes checkpoints that Python reads: only the name of the archive changes.
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <orrery/adapters/cereal_archives.hpp>
#include <orrery/tree.hpp>

class Layer {
 public:
  virtual ~Layer() = default;
  std::string name;
  template <class Archive>
  void serialize(Archive& archive) { archive(CEREAL_NVP(name)); }
};

class Dense : public Layer {
 public:
  std::vector<float> kernel;
  template <class Archive>
  void serialize(Archive& archive) { archive(cereal::base_class<Layer>(this), CEREAL_NVP(kernel)); }
};

class Network {
 public:
  std::vector<std::shared_ptr<Layer>> layers;
  std::shared_ptr<Layer> head;  // one of the layers
  template <class Archive>
  void serialize(Archive& archive, const std::uint32_t version) {
    archive(CEREAL_NVP(layers));
    if (version > 0) archive(CEREAL_NVP(head));
  }
};

CEREAL_CLASS_VERSION(Network, 1)
CEREAL_REGISTER_TYPE(Dense)

int main(int argc, char** argv) {
  const std::string path = std::string(argc > 1 ? argv[1] : "/tmp/orrery") + "/network";
  Network network;
  auto dense = std::make_shared<Dense>();
  dense->name = "dense";
  dense->kernel = {1, 2, 3};
  network.layers = {dense};
  network.head = dense;
  std::int64_t step = 7;

  orrery::cereal_archives::OutputArchive to(path, {.force = true});
  to(CEREAL_NVP(network), CEREAL_NVP(step));
  to.close();
  std::printf("%s\n", to_string(orrery::PyTreeCheckpointer().restore(path)).c_str());

  Network back;
  orrery::cereal_archives::InputArchive from(path);
  from(cereal::make_nvp("network", back));
  const auto* same = dynamic_cast<const Dense*>(back.layers.at(0).get());
  return same && same->kernel == dense->kernel && back.head == back.layers[0] ? 0 : 1;
}
