// Legacy Flax files, aggregate files of Orbax 0.4, and both into a typed target.
#include "contract.hpp"

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "orrery/flax/serialization.hpp"
#include "orrery/formats/msgpack/reader.hpp"
#include "orrery/formats/msgpack/writer.hpp"
#include "orrery/tree/prng_key.hpp"

namespace orrery::fuzz {

namespace {

struct Dense {
  Array<float> kernel{};
  std::vector<double> bias{};
};
struct Target {
  std::int64_t step = 0;
  std::map<std::string, Dense> params{};
  std::vector<std::variant<std::int64_t, std::string, Array<float>>> list{};
  std::optional<Array<bfloat16>> ema{};
  Tree rest{};
};

std::string packed(const Tree& tree) {
  std::string out;
  msgpack_format::to_string(msgpack_format::image_of_tree(tree, false), out);
  return out;
}

}  // namespace

void msgpack(std::string_view input) {
  if (const auto tree = read([&] { return flax::msgpack_restore(input); })) {
    const auto bytes = read([&] { return packed(*tree); });
    if (bytes) expect(flax::msgpack_restore(*bytes) == *tree, "msgpack: what was read and written again is read as something else");
  }
  accepts([&] { msgpack_format::read_document(as_bytes(input), {.orbax_aggregate = true, .file = "checkpoint"}); });
  accepts([&] { flax::from_bytes<Target>(input); });
  accepts([&] { flax::from_bytes(Target{1, {{"a", {}}}, {}, Array<bfloat16>({2}), {}}, input, {.cast = true}); });
}

}  // namespace orrery::fuzz
