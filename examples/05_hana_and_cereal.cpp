// Classes that describe themselves to Boost.Hana or cereal are stored as they are.
#include <cstdio>
#include <string>
#include <vector>

#include <orrery/adapters/cereal.hpp>
#include <orrery/adapters/hana.hpp>
#include <orrery/orrery.hpp>

#include <boost/hana/adapt_adt.hpp>
#include <boost/hana/define_struct.hpp>
#include <boost/hana/functional/overload.hpp>

class Encoder {
 public:
  Encoder() {}
  BOOST_HANA_DEFINE_STRUCT(Encoder, (std::string, name), (std::vector<float>, kernel));
};

// Somebody else's class, with a getter and a setter.
class Scale {
 public:
  double percent() const { return factor_ * 100; }
  void set_percent(double percent) { factor_ = percent / 100; }

 private:
  double factor_ = 1;
};
BOOST_HANA_ADAPT_ADT(Scale, (percent, boost::hana::overload([](const Scale& scale) { return scale.percent(); },
                                                            [](Scale& scale, double percent) { scale.set_percent(percent); })));

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
  Scale scale;
  Decoder decoder;
};

int main(int argc, char** argv) {
  const std::string path = std::string(argc > 1 ? argv[1] : "/tmp/orrery") + "/described";
  Model model;
  model.encoder.name = "e";
  model.encoder.kernel = {1, 2};
  model.scale.set_percent(50);
  model.decoder = Decoder({3, 4, 5});
  orrery::PyTreeCheckpointer().save(path, model, {.force = true});
  Model back = orrery::PyTreeCheckpointer().restore<Model>(path);
  std::printf("%s\n", to_string(orrery::PyTreeCheckpointer().restore(path)).c_str());
  const bool same = back.encoder.kernel == model.encoder.kernel && back.decoder.kernel() == model.decoder.kernel();
  return same && back.encoder.name == "e" && back.scale.percent() == 50 ? 0 : 1;
}
