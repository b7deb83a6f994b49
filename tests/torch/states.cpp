// Small trainings in libtorch, for every optimizer of the adapter: written for Python to look at and change, and taken back.
//   states write DIR    trains, saves each as an Orbax item and as a Flax file, and writes what libtorch itself says of every array
//   states check DIR    restores what Python made of them into fresh models and optimizers, and holds that against the same training
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <utility>

#include <orrery/adapters/torch.hpp>
#include <orrery/adapters/torch_optim.hpp>
#include <orrery/checkpoint.hpp>
#include <orrery/flax.hpp>

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/linear.h>
#include <torch/types.h>
#include <torch/utils.h>

namespace {

namespace optim = torch::optim;

struct NetImpl : torch::nn::Module {
  torch::nn::Linear layer1 = register_module("layer1", torch::nn::Linear(4, 5));
  torch::nn::BatchNorm1d norm = register_module("norm", torch::nn::BatchNorm1d(5));
  torch::nn::Linear layer2 = register_module("layer2", torch::nn::Linear(5, 1));
  torch::Tensor forward(const torch::Tensor& x) { return layer2(norm(layer1(x)).relu()); }
};
TORCH_MODULE(Net);

// Tensors on their own, of the dtypes that a model has beside float32.
struct Extras {
  torch::Tensor half = torch::arange(6, torch::kFloat16).reshape({2, 3}) / 4;
  torch::Tensor brain = torch::arange(6, torch::kBFloat16).reshape({3, 2}) / 4;
  torch::Tensor flags = torch::tensor({true, false, true});
  torch::Tensor bytes = torch::arange(-3, 4, torch::kInt8);
  torch::Tensor turned = torch::arange(12, torch::kFloat64).reshape({3, 4}).t();
  torch::Tensor whole = torch::scalar_tensor(7, torch::kInt64);
  torch::Tensor nothing{};
};

template <class O>
struct TrainState {
  std::int64_t step = 0;
  Net model{};
  orrery::NamedOptimizer<O> optimizer;
  Extras extras{};
};

template <class O>
struct Training {
  template <class Options>
  explicit Training(const Options& options) : optimizer(net->parameters(), options) {}
  void train(std::int64_t steps) {
    const torch::Tensor x = torch::linspace(-1, 1, 32).reshape({8, 4}), y = x.pow(2).sum(1, true);
    for (; steps > 0; --steps) {
      optimizer.zero_grad();
      (net->forward(x * (1 + step % 3)) - y).pow(2).mean().backward();
      optimizer.step();
      ++step;
    }
  }
  TrainState<O> state() { return {step, net, {net, optimizer}, extras}; }

  std::int64_t step = 0;
  Net net = (torch::manual_seed(7), Net());  // the same one every time
  O optimizer;
  Extras extras{};
};

// As libtorch lists them; nothing here asks orrery.
void list(std::ostream& out, const std::string& name, const torch::Tensor& tensor) {
  const torch::Tensor dense = tensor.detach().contiguous();
  out << name << ' ' << at::toString(dense.scalar_type()) << ' ' << dense.dim();
  for (const std::int64_t extent : dense.sizes()) out << ' ' << extent;
  const auto* bytes = static_cast<const unsigned char*>(dense.data_ptr());
  char hex[3] = {};
  out << ' ';
  for (std::size_t i = 0; i < dense.nbytes(); ++i) out << (std::snprintf(hex, sizeof hex, "%02x", bytes[i]), hex);
  out << '\n';
}
void list(std::ostream& out, const torch::nn::Module& net) {
  for (const auto& item : net.named_parameters()) list(out, "model." + item.key(), item.value());
  for (const auto& item : net.named_buffers()) list(out, "model." + item.key(), item.value());
}

bool same_arrays(const torch::nn::Module& a, const torch::nn::Module& b, double factor = 1) {
  const torch::NoGradGuard no_grad;
  for (const auto& item : a.named_parameters())
    if (!torch::equal(item.value() * factor, b.named_parameters()[item.key()])) return false;
  for (const auto& item : a.named_buffers())
    if (!torch::equal(item.value() * (item.value().is_floating_point() ? factor : 1), b.named_buffers()[item.key()])) return false;
  return true;
}

int failed = 0;
void check(const std::string& what, bool holds) {
  std::printf("%s %s\n", holds ? "PASS" : "FAIL", what.c_str());
  failed += !holds;
}

constexpr std::int64_t steps = 5;

template <class O, class Options>
void write(const std::string& directory, const std::string& name, const Options& options) {
  Training<O> training(options);
  training.train(steps);
  const TrainState<O> state = training.state();
  orrery::PyTreeCheckpointer().save(directory + "/" + name + ".orbax", state);
  std::ofstream(directory + "/" + name + ".msgpack", std::ios::binary) << orrery::flax::to_bytes(state);
  std::ofstream listed(directory + "/" + name + ".txt");
  list(listed, *training.net);
  list(listed, "extras.half", training.extras.half);
  list(listed, "extras.brain", training.extras.brain);
  list(listed, "extras.flags", training.extras.flags);
  list(listed, "extras.bytes", training.extras.bytes);
  list(listed, "extras.turned", training.extras.turned);
  list(listed, "extras.whole", training.extras.whole);
  const auto parameters = training.net->named_parameters();
  for (auto& [key, base] : training.optimizer.state())
    for (const auto& item : parameters) {
      std::ostringstream address;
      address << item.value().unsafeGetTensorImpl();
      if (address.str() != key) continue;
      const std::string prefix = "optimizer.state." + item.key() + ".";
      if (auto* adam = dynamic_cast<optim::AdamParamState*>(base.get())) {
        list(listed, prefix + "step", torch::scalar_tensor(adam->step(), torch::kInt64));
        list(listed, prefix + "exp_avg", adam->exp_avg());
        list(listed, prefix + "exp_avg_sq", adam->exp_avg_sq());
        if (adam->max_exp_avg_sq().defined()) list(listed, prefix + "max_exp_avg_sq", adam->max_exp_avg_sq());
      } else if (auto* adamw = dynamic_cast<optim::AdamWParamState*>(base.get())) {
        list(listed, prefix + "step", torch::scalar_tensor(adamw->step(), torch::kInt64));
        list(listed, prefix + "exp_avg", adamw->exp_avg());
        list(listed, prefix + "exp_avg_sq", adamw->exp_avg_sq());
      } else if (auto* sgd = dynamic_cast<optim::SGDParamState*>(base.get())) {
        list(listed, prefix + "momentum_buffer", sgd->momentum_buffer());
      } else if (auto* rmsprop = dynamic_cast<optim::RMSpropParamState*>(base.get())) {
        list(listed, prefix + "step", torch::scalar_tensor(rmsprop->step(), torch::kInt64));
        list(listed, prefix + "square_avg", rmsprop->square_avg());
        list(listed, prefix + "momentum_buffer", rmsprop->momentum_buffer());
        list(listed, prefix + "grad_avg", rmsprop->grad_avg());
      } else if (auto* adagrad = dynamic_cast<optim::AdagradParamState*>(base.get())) {
        list(listed, prefix + "step", torch::scalar_tensor(adagrad->step(), torch::kInt64));
        list(listed, prefix + "sum", adagrad->sum());
      }
    }
}

// Both layouts, `same` as Python restored it and `changed`: every array of floats and every step doubled.
template <class O, class Options>
void check_restored(const std::string& directory, const std::string& name, const Options& options) {
  const auto restore = [&](TrainState<O>& state, const std::string& variant, const std::string& layout) {
    const std::string path = directory + "/" + name + "." + variant + "." + layout;
    if (layout == "orbax") return static_cast<void>(orrery::PyTreeCheckpointer().restore_into(path, state));
    std::ifstream file(path, std::ios::binary);
    state = orrery::flax::from_bytes(std::move(state), std::string(std::istreambuf_iterator<char>(file), {}));
  };
  for (const std::string layout : {"orbax", "msgpack"}) {
    Training<O> whole(options), parted(options);
    whole.train(2 * steps);
    TrainState<O> state = parted.state();
    const void* memory = parted.net->layer1->weight.data_ptr();
    restore(state, "same", layout);
    parted.step = state.step;
    check(name + ", " + layout + ": restored where the parameters are",
          parted.net->layer1->weight.data_ptr() == memory && parted.step == steps);
    check(name + ", " + layout + ": an undefined tensor stays so", !state.extras.nothing.defined());
    check(name + ", " + layout + ": tensors of every dtype",
          torch::equal(state.extras.brain, Extras().brain) && torch::equal(state.extras.half, Extras().half) &&
              torch::equal(state.extras.flags, Extras().flags) && torch::equal(state.extras.bytes, Extras().bytes) &&
              torch::equal(state.extras.turned, Extras().turned));
    parted.train(steps);
    check(name + ", " + layout + ": training goes on bit for bit", same_arrays(*whole.net, *parted.net));

    Training<O> original(options), doubled(options);
    original.train(steps);
    TrainState<O> changed = doubled.state();
    restore(changed, "changed", layout);
    check(name + ", " + layout + ": what Python changed comes back",
          changed.step == 2 * steps && same_arrays(*original.net, *doubled.net, 2));
    check(name + ", " + layout + ": the learning rate too", doubled.optimizer.param_groups()[0].options().get_lr() == 0.125);
  }
}

template <class Run>
void for_each_optimizer(Run&& run) {
  run.template operator()<optim::Adam>("adam", optim::AdamOptions(0.01).amsgrad(true));
  run.template operator()<optim::AdamW>("adamw", optim::AdamWOptions(0.01));
  run.template operator()<optim::SGD>("sgd", optim::SGDOptions(0.01).momentum(0.9).nesterov(true));
  run.template operator()<optim::RMSprop>("rmsprop", optim::RMSpropOptions(0.01).centered(true).momentum(0.9));
  run.template operator()<optim::Adagrad>("adagrad", optim::AdagradOptions(0.01));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: states write|check DIR\n"), 2;
  const std::string command = argv[1], directory = argv[2];
  torch::set_num_threads(1);
  try {
    if (command == "write")
      for_each_optimizer([&]<class O>(const char* name, const auto& options) { write<O>(directory, name, options); });
    else
      for_each_optimizer([&]<class O>(const char* name, const auto& options) { check_restored<O>(directory, name, options); });
  } catch (const std::exception& error) {
    std::printf("FAIL %s\n", error.what());
    return 1;
  }
  return failed ? 1 : 0;
}
