// safetensors files, raw and into a typed target.
#include "contract.hpp"

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "orrery/safetensors.hpp"

namespace orrery::fuzz {

namespace {

struct Dense {
  Array<float> weight{};
  std::optional<std::vector<double>> bias{};
};
struct Target {
  std::int64_t step = 0;
  std::map<std::string, Dense> params{};
  std::vector<Dense> layers{};
  std::map<std::string, std::map<std::string, Array<bfloat16>>> nested{};
  std::tuple<Array<float>, std::monostate> pair{};
  std::variant<Array<std::int8_t>, Dense, std::monostate> one{};
  std::vector<Target> below{};
  Tree rest{};
};

}  // namespace

void safetensors(std::string_view input) {
  safetensors::Metadata metadata;
  const auto tree = read([&] { return safetensors::load(input, {.metadata = &metadata}); });
  if (!tree) return;
  // A name "__metadata__" and invalid UTF-8 cannot be read, so all that was read can be written.
  const std::string bytes = safetensors::save(*tree, metadata);
  safetensors::Metadata again;
  expect(safetensors::load(bytes, {.metadata = &again}) == *tree && again == metadata,
         "safetensors: what was read and written again is read as something else");
  accepts([&] { safetensors::load<Target>(input, {.cast = true}); });
  accepts([&] { safetensors::load<std::map<std::string, Dense>>(input); });
  accepts([&] { safetensors::load<std::vector<Array<float>>>(input, {.allow_extra = false, .cast = true}); });
}

}  // namespace orrery::fuzz
