// Classes that describe themselves to Boost.Hana or cereal are stored as they are.
#include <cstdio>
#include <string>
#include <vector>

#include <cereal/types/string.hpp>
#include <cereal/types/vector.hpp>

#include <orrery/adapters/cereal.hpp>
#include <orrery/adapters/hana.hpp>
#include <orrery/orrery.hpp>

#include <boost/hana/define_struct.hpp>

class Encoder {
 public:
  Encoder() {}
  BOOST_HANA_DEFINE_STRUCT(Encoder, (std::string, name), (std::vector<float>, kernel));
};

class Decoder {
 public:
  Decoder() {}
  explicit Decoder(std::vector<float> kernel) : kernel_(std::move(kernel)) {}
  const std::vector<float>& kernel() const { return kernel_; }
  template <class Archive>
  void serialize(Archive& archive) { archive(cereal::make_nvp("kernel", kernel_)); }

 private:
  std::vector<float> kernel_;
};

struct Model {
  Encoder encoder;
  Decoder decoder;
};

int main(int argc, char** argv) {
  const std::string path = std::string(argc > 1 ? argv[1] : "/tmp/orrery") + "/described";
  Model model;
  model.encoder.name = "e";
  model.encoder.kernel = {1, 2};
  model.decoder = Decoder({3, 4, 5});
  orrery::PyTreeCheckpointer().save(path, model, {.force = true});
  Model back = orrery::PyTreeCheckpointer().restore<Model>(path);
  std::printf("%s\n", to_string(orrery::PyTreeCheckpointer().restore(path)).c_str());
  return back.encoder.kernel == model.encoder.kernel && back.decoder.kernel() == model.decoder.kernel() && back.encoder.name == "e" ? 0 : 1;
}
