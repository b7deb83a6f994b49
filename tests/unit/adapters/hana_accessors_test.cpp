#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <boost/hana/adapt_adt.hpp>
#include <boost/hana/functional/overload.hpp>

#include "orrery/adapters/hana.hpp"
#include "../reflect/round_trip.hpp"

namespace hana_accessors {

namespace hana = boost::hana;

// Keeps an invariant: nothing gives away a reference to write to.
class Probability {
 public:
  Probability() {}
  double percent() const { return value_ * 100; }
  void set_percent(double percent) {
    if (percent < 0 || percent > 100) throw std::invalid_argument("percent");
    value_ = percent / 100;
    ++sets;
  }
  const std::vector<float>& history() const { return history_; }
  void set_history(std::vector<float> history) { history_ = std::move(history); }
  std::map<std::string, std::int64_t> counts() const { return {{"a", count_}, {"b", 2 * count_}}; }
  void set_counts(const std::map<std::string, std::int64_t>& counts) { count_ = counts.at("a"); }
  std::string& name() { return name_; }
  int sets = 0;

 private:
  double value_ = 0;
  std::vector<float> history_{};
  std::int64_t count_ = 0;
  std::string name_{};
};

class OnlyRead {
 public:
  OnlyRead() {}
  const std::vector<float>& values() const { return values_; }

 private:
  std::vector<float> values_{1, 2};
};

// Setters in a nested description.
class Nested {
 public:
  Nested() {}
  explicit Nested(int number) : twice_(2 * number) {}
  struct hana_accessors_impl {
    static constexpr auto apply() {
      return hana::make_tuple(hana::make_pair(
          BOOST_HANA_STRING("number"),
          hana::overload([](const Nested& self) { return self.twice_ / 2; }, [](Nested& self, int number) { self.twice_ = 2 * number; })));
    }
  };
  int twice() const { return twice_; }

 private:
  int twice_ = 0;
};

}  // namespace hana_accessors

BOOST_HANA_ADAPT_ADT(
    hana_accessors::Probability,
    (percent, boost::hana::overload([](const hana_accessors::Probability& self) { return self.percent(); },
                                    [](hana_accessors::Probability& self, double v) { self.set_percent(v); })),
    (history, boost::hana::overload([](const hana_accessors::Probability& self) -> auto& { return self.history(); },
                                    [](hana_accessors::Probability& self, std::vector<float> v) { self.set_history(std::move(v)); })),
    (counts,
     boost::hana::overload([](const hana_accessors::Probability& self) { return self.counts(); },
                           [](hana_accessors::Probability& self, const std::map<std::string, std::int64_t>& v) { self.set_counts(v); })),
    (name, [](auto&& self) -> auto& { return self.name(); }));
BOOST_HANA_ADAPT_ADT(hana_accessors::OnlyRead, (values, [](const auto& self) -> auto& { return self.values(); }));

namespace {

using namespace orrery;
using namespace hana_accessors;
using round_trip::copy_of;
using round_trip::restore;
using round_trip::restore_into;
using round_trip::tree_of;
using Keys = std::vector<std::string>;

Probability example() {
  Probability object;
  object.set_percent(25);
  object.set_history({1, 2, 3});
  object.set_counts({{"a", 7}});
  object.name() = "p";
  return object;
}

TEST_CASE("what a getter returns is kept as long as the description, what it refers to is not copied") {
  const Probability object = example();
  const TreeView view = describe(object);
  CHECK(tree_of(object).keys() == Keys{"percent", "history", "counts", "name"});
  CHECK(tree_of(object)["percent"].scalar<double>() == 25);
  CHECK(tree_of(object)["counts"]["b"].scalar<std::int64_t>() == 14);
  CHECK(view.leaves[1].array.data == object.history().data());
  CHECK(view.leaves[4].text.data() == const_cast<Probability&>(object).name().data());
}

TEST_CASE("setters are called once everything is restored") {
  const Probability same = copy_of(example());
  CHECK(same.percent() == 25);
  CHECK(same.sets == 1);
  CHECK(same.history() == std::vector<float>{1, 2, 3});
  CHECK(same.counts().at("b") == 14);
  CHECK(const_cast<Probability&>(same).name() == "p");
  std::map<std::string, Nested> nested{{"x", Nested(4)}};
  CHECK(copy_of(nested).at("x").twice() == 8);

  Probability target = example();
  Tree tree = tree_of(target);
  tree["percent"] = 101.0;
  CHECK_THROWS_AS(restore_into(target, tree), std::invalid_argument);  // the setter's own
  tree.erase("percent");
  tree["counts"].erase("a");
  try {
    restore_into(target, tree);
    FAIL("restored");
  } catch (const KeyError& error) {
    REQUIRE(error.missing().size() == 2);
    CHECK(error.missing()[1].path == "counts/a");
  }
  CHECK(target.percent() == 25);
}

TEST_CASE("a const reference is saved and never restored into, as a const member") {
  OnlyRead object;
  CHECK(describe(object).leaves[0].array.data == object.values().data());
  Tree tree = tree_of(object);
  tree["values"] = Array<float>::full({2}, 9);
  restore_into(object, tree);
  CHECK(object.values() == std::vector<float>{1, 2});
}

}  // namespace
