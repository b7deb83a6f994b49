// Types that need no adapter to be stored, among them those that an adapter might lay hands on: aggregates that carry a description for
// Boost.Hana or cereal, whose names differ from those of their members, and standard types that cereal knows too.
#pragma once

#include <array>
#include <complex>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <Eigen/Core>
#include <boost/hana/adapt_struct.hpp>
#include <boost/hana/define_struct.hpp>
#include <cereal/cereal.hpp>
#include <cereal/types/array.hpp>
#include <cereal/types/complex.hpp>
#include <cereal/types/deque.hpp>
#include <cereal/types/list.hpp>
#include <cereal/types/map.hpp>
#include <cereal/types/memory.hpp>
#include <cereal/types/optional.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/tuple.hpp>
#include <cereal/types/unordered_map.hpp>
#include <cereal/types/utility.hpp>
#include <cereal/types/variant.hpp>
#include <cereal/types/vector.hpp>

#include "orrery/core/any_array.hpp"
#include "orrery/core/array.hpp"
#include "orrery/core/float_types.hpp"
#include "orrery/fwd.hpp"
#include "orrery/tree/tree.hpp"
#include "orrery/tree/tree_view.hpp"

namespace odr {

// --- aggregates that are described otherwise too

struct MemberSerialize {
  float weight = 1, bias = 2;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(cereal::make_nvp("cereal_bias", bias));
  }
};
struct VersionedSerialize {
  float weight = 3;
  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(cereal::make_nvp("cereal_weight", weight));
  }
};
struct FreeSerialize {
  float weight = 4;
};
template <class Archive>
void serialize(Archive& archive, FreeSerialize& value) {
  archive(cereal::make_nvp("cereal_weight", value.weight));
}
struct SaveAndLoad {
  float weight = 5;
  template <class Archive>
  void save(Archive& archive) const {
    archive(weight);
  }
  template <class Archive>
  void load(Archive& archive) {
    archive(weight);
  }
};
struct Minimal {
  float weight = 6;
  template <class Archive>
  int save_minimal(const Archive&) const {
    return 7;
  }
  template <class Archive>
  void load_minimal(const Archive&, const int&) {}
};
struct HanaDefined {
  BOOST_HANA_DEFINE_STRUCT(HanaDefined, (float, weight), (float, bias));
  float beside;  // which the description leaves out
};
struct HanaAdapted {
  float weight = 8, bias = 9;
};
struct Fixed {
  Eigen::Vector3f inside{1, 2, 3};
};

// --- plain ones

enum class Phase : std::int16_t { warmup = -1, main = 2 };
struct Empty {};
struct Point {
  std::int32_t x = 0, y = 0;
};
class Described {
 public:
  Described() {}
  std::int64_t hidden = 11;
};

struct State {
  std::tuple<MemberSerialize, VersionedSerialize, FreeSerialize, SaveAndLoad, Minimal> cereal_aggregates{};
  HanaDefined hana_defined{1, 2, 3};
  HanaAdapted hana_adapted{};
  orrery::Static<Fixed> not_stored{};
  Described described{};
  Empty empty{};
  Phase phase = Phase::main;
  bool flag = true;
  std::int64_t step = 12;
  std::uint8_t small = 13;
  orrery::bfloat16 brain{1.5f};
  std::complex<float> complex{1, 2};
  orrery::NumpyScalar<float> numpy{2.5f};
  std::string text = "text";
  std::array<int, 3> ints{1, 2, 3};
  std::array<Point, 2> points{{{1, 2}, {3, 4}}};
  float matrix[2][2] = {{1, 2}, {3, 4}};
  std::vector<float> floats{1, 2};
  std::vector<bool> bits{true, false, true};
  std::vector<std::string> words{"a", "b"};
  std::vector<MemberSerialize> serializable{1};
  std::deque<Point> deque{{5, 6}};
  std::list<std::pair<float, std::string>> list{{1.0f, "one"}};
  std::map<std::string, HanaDefined> map{{"k", {4, 5, 6}}};
  std::unordered_map<std::int32_t, Point> unordered{{2, {7, 8}}, {1, {9, 10}}};
  std::optional<FreeSerialize> full{FreeSerialize{}}, nothing{};
  std::variant<Point, HanaAdapted> variant{HanaAdapted{}};
  std::unique_ptr<Point> unique = std::make_unique<Point>(Point{11, 12});
  std::shared_ptr<SaveAndLoad> shared = std::make_shared<SaveAndLoad>();
  orrery::Array<float> array = orrery::Array<float>::arange(4);
  orrery::AnyArray any{orrery::Array<std::int16_t>::arange(3)};
  orrery::Tree tree = orrery::Tree::string("leaf");
};

// One directory for each unit; what it says of the bytes, as text.
std::string written(const orrery::TreeView& view, const std::string& directory);
std::string with_adapter(const std::string& directory);
std::string without_adapter(const std::string& directory);

}  // namespace odr

BOOST_HANA_ADAPT_STRUCT(odr::HanaAdapted, bias);

template <>
struct orrery::Reflect<odr::Described> {
  static constexpr auto fields = orrery::fields(orrery::field<&odr::Described::hidden>("shown"));
};
