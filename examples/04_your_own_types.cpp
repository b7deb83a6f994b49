// Types that are no plain aggregates: other names on disk, members that stay out of the file, an array type of one's own.
#include <array>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include <orrery/orrery.hpp>

// A class with private members says what it holds, and under which names.
class Layer {
 public:
  Layer() = default;
  explicit Layer(std::size_t n) : weights_(n, 0.5f) {}
  std::size_t size() const { return weights_.size(); }

 private:
  friend struct orrery::Reflect<Layer>;
  std::vector<float> weights_;
};

template <>
struct orrery::Reflect<Layer> {
  static constexpr auto fields = orrery::fields(orrery::field<&Layer::weights_>("kernel"));
};

// A matrix of one's own becomes an array leaf.
struct Matrix {
  std::int64_t rows = 0, columns = 0;
  std::vector<double> values;
};

template <>
struct orrery::LeafTraits<Matrix> {
  using element = double;
  static constexpr std::array<std::int64_t, 2> extents{-1, -1};
  static std::array<std::int64_t, 2> shape(const Matrix& m) { return {m.rows, m.columns}; }
  static const double* data(const Matrix& m) { return m.values.data(); }
  static void resize(Matrix& m, std::span<const std::int64_t> shape) {
    m.rows = shape[0];
    m.columns = shape[1];
    m.values.resize(static_cast<std::size_t>(m.rows * m.columns));
  }
};

struct State {
  Layer layer;
  Matrix matrix;
  orrery::Static<std::string> run_name;  // no part of the tree: the target keeps its own
};

int main(int argc, char** argv) {
  const std::string path = std::string(argc > 1 ? argv[1] : "/tmp/orrery") + "/own_types";
  orrery::PyTreeCheckpointer checkpointer;
  checkpointer.save(path, State{Layer(4), Matrix{2, 3, {1, 2, 3, 4, 5, 6}}, {"first run"}}, {.force = true});
  State back = checkpointer.restore(path, State{{}, {}, {"second run"}});
  std::printf("%s\n", to_string(checkpointer.restore(path)).c_str());
  return back.layer.size() == 4 && back.matrix.columns == 3 && back.run_name.value == "second run" ? 0 : 1;
}
