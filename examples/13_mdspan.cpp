// std::mdspan: elements that somebody else keeps, saved as they lie and restored in place. Compiled as C++23 by a compiler whose library
// has it, such as clang 19 with -stdlib=libc++.
#include <mdspan>
#include <string>
#include <vector>

#include <orrery/checkpoint.hpp>
#include <orrery/adapters/mdspan.hpp>

using Matrix = std::mdspan<float, std::dextents<std::size_t, 2>>;
using ColumnMajor = std::mdspan<float, std::dextents<std::size_t, 2>, std::layout_left>;

struct Layer {
  Matrix kernel;
  ColumnMajor transposed;
};

int main(int argc, char** argv) {
  const std::string path = std::string(argc > 1 ? argv[1] : "/tmp/orrery") + "/mdspan";
  std::vector<float> one(6, 0.5f), two(6, 0.25f);
  Layer layer{Matrix(one.data(), 2, 3), ColumnMajor(two.data(), 3, 2)};
  layer.kernel[1, 2] = 7;
  layer.transposed[2, 1] = 8;

  orrery::PyTreeCheckpointer checkpointer;
  checkpointer.save(path, layer, {.force = true});
  one.assign(6, 0);
  two.assign(6, 0);
  checkpointer.restore_into(path, layer);  // an mdspan has no memory to give: the shapes must be those that are stored
  return one[5] == 7 && two[5] == 8 ? 0 : 1;
}
