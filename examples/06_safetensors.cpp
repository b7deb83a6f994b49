// A model as a safetensors file: what PyTorch, Hugging Face and safetensors.numpy write and read.
#include <cstdio>
#include <map>
#include <string>

#include <orrery/adapters/eigen.hpp>
#include <orrery/orrery.hpp>

namespace st = orrery::safetensors;

struct Linear { Eigen::MatrixXf weight; Eigen::VectorXf bias; };
struct Model  { std::vector<Linear> layers; std::map<std::string, orrery::Array<orrery::bfloat16>> embeddings; std::int64_t step = 0; };

int main(int argc, char** argv) {
  const std::string path = std::string(argc > 1 ? argv[1] : "/tmp/orrery") + "/model.safetensors";
  Model model{{{Eigen::MatrixXf::Random(4, 3), Eigen::VectorXf::Zero(4)}, {Eigen::MatrixXf::Random(2, 4), Eigen::VectorXf::Ones(2)}},
              {{"tokens.en", orrery::Array<orrery::bfloat16>({10, 4})}},
              1000};

  // Names are joined with dots: layers.0.weight, embeddings.tokens.en, step.
  st::save_file(model, path, {.metadata = {{"format", "pt"}}});

  orrery::Tree raw = st::load_file(path);                // flat names, as in the file
  Model same = st::load_file<Model>(path);               // the type cuts the names
  Model also = st::load_file(path, Model{});             // into a target
  auto flat = st::load_file<std::map<std::string, orrery::Array<float>>>(path, {.cast = true});  // maps of arrays keep whole names
  st::Metadata about = st::load_metadata(path);          // reads the header alone

  for (const auto& [name, tensor] : raw)
    std::printf("%-22s %-8s %s\n", name.text.c_str(), std::string(orrery::name(tensor.dtype())).c_str(), to_string(tensor.shape()).c_str());

  const bool all = same.layers[1].weight == model.layers[1].weight && same.step == 1000 && also.embeddings.contains("tokens.en") &&
                   flat.at("layers.0.weight").at({3, 2}) == model.layers[0].weight(3, 2) && about.at("format") == "pt" && raw.size() == 6;
  return all ? 0 : 1;
}
