// What a user's first program does: a struct with Eigen members to bytes and back.
#include <orrery/adapters/eigen.hpp>
#include <orrery/orrery.hpp>

struct Dense {
  Eigen::VectorXf bias;
  Eigen::MatrixXf kernel;
};

int main() {
  Dense dense{Eigen::VectorXf::Ones(3), Eigen::MatrixXf::Ones(5, 3)};
  Dense back = orrery::flax::from_bytes<Dense>(orrery::flax::to_bytes(dense));
  return back.kernel == dense.kernel && back.bias == dense.bias ? 0 : 1;
}
