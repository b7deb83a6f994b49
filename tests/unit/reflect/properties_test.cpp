#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "orrery/flax/serialization.hpp"
#include "orrery/flax/state_dict.hpp"
#include "orrery/orbax/async_checkpointer.hpp"
#include "orrery/orbax/pytree_checkpointer.hpp"
#include "orrery/restore/dotted_names.hpp"
#include "orrery/restore/find_sources.hpp"
#include "round_trip.hpp"
#include "storage/scratch.hpp"

namespace properties {

struct Rate {
  double value = 0;
  std::vector<float> history{};
};

class Schedule {
 public:
  std::int64_t step() const { return step_; }
  void set_step(std::int64_t step) {
    step_ = step;
    log_.push_back("step");
  }
  double rate() const { return rate_.value; }
  void rate(double value) {
    rate_.value = value;
    log_.push_back("rate");
  }
  const std::vector<float>& history() const { return rate_.history; }
  Schedule& set_history(std::vector<float>&& history) {
    rate_.history = std::move(history);
    log_.push_back("history");
    return *this;
  }
  std::map<std::string, Rate> groups() const { return groups_; }
  void set_groups(const std::map<std::string, Rate>& groups) { groups_ = groups; }
  std::string version() const { return "2"; }
  const std::vector<std::string>& log() const { return log_; }

  std::int64_t cache = 5;

 private:
  std::int64_t step_ = 0;
  Rate rate_{};
  std::map<std::string, Rate> groups_{};
  std::vector<std::string> log_{};
};

class Angle {
 public:
  friend double degrees(const Angle& angle) { return angle.turns_ * 360; }
  friend void set_degrees(Angle& angle, double degrees) { angle.turns_ = degrees / 360; }

 private:
  double turns_ = 0;
};

// A property of a property of a base.
class Pilot {
 public:
  Angle heading() const { return heading_; }
  void set_heading(Angle heading) { heading_ = heading; }

 private:
  Angle heading_{};
};
struct Captain : Pilot {
  std::optional<Angle> other{};
  std::string name{};
};

class Never {
 public:
  int value() const { return 1; }
  void set_value(int) { throw std::domain_error("never"); }
};

}  // namespace properties

template <>
struct orrery::Reflect<properties::Schedule> {
  using T = properties::Schedule;
  static constexpr auto fields =
      orrery::fields(orrery::field("step", &T::step, &T::set_step),
                     orrery::field("rate", static_cast<double (T::*)() const>(&T::rate), static_cast<void (T::*)(double)>(&T::rate)),
                     orrery::field<&T::history, &T::set_history>("history"), orrery::field<&T::cache>("cache"),
                     orrery::field("groups", &T::groups, &T::set_groups), orrery::field<&T::version>("version"),
                     orrery::field("doubled", [](const T& schedule) { return 2 * schedule.step(); }));
};
template <>
struct orrery::Reflect<properties::Angle> {
  static constexpr auto fields =
      orrery::fields(orrery::field<+[](const properties::Angle& angle) { return degrees(angle); },
                                   +[](properties::Angle& angle, double value) { set_degrees(angle, value); }>("degrees"));
};
template <>
struct orrery::Reflect<properties::Pilot> {
  static constexpr auto fields = orrery::fields(orrery::field("heading", &properties::Pilot::heading, &properties::Pilot::set_heading));
};
template <>
struct orrery::Reflect<properties::Captain> {
  static constexpr auto fields = orrery::fields(orrery::base<properties::Pilot>(), orrery::field<&properties::Captain::other>("other"),
                                                orrery::field<&properties::Captain::name>("name"));
};
template <>
struct orrery::Reflect<properties::Never> {
  static constexpr auto fields = orrery::fields(orrery::field("value", &properties::Never::value, &properties::Never::set_value));
};

namespace properties {
namespace {

using namespace orrery;
using round_trip::copy_of;
using round_trip::restore;
using round_trip::restore_into;
using round_trip::tree_of;
using Keys = std::vector<std::string>;

Schedule some_schedule() {
  Schedule schedule;
  schedule.set_step(7);
  schedule.rate(0.5);
  schedule.set_history({1, 2});
  schedule.set_groups({{"slow", {0.1, {3}}}});
  schedule.cache = 6;
  return schedule;
}
void check_same(const Schedule& a, const Schedule& b) {
  CHECK(a.step() == b.step());
  CHECK(a.rate() == b.rate());
  CHECK(a.history() == b.history());
  CHECK(a.cache == b.cache);
  REQUIRE(a.groups().size() == b.groups().size());
  CHECK(a.groups().at("slow").value == b.groups().at("slow").value);
  CHECK(a.groups().at("slow").history == b.groups().at("slow").history);
}

TEST_CASE("a getter's value is a member among members") {
  const Tree tree = tree_of(some_schedule());
  CHECK(tree.keys() == Keys{"step", "rate", "history", "cache", "groups", "version", "doubled"});
  CHECK(tree["step"].scalar<std::int64_t>() == 7);
  CHECK(tree["groups"]["slow"]["value"].scalar<double>() == 0.1);
  CHECK(tree["doubled"].scalar<std::int64_t>() == 14);
}

TEST_CASE("a reference that a getter returns is looked through, not copied") {
  const Schedule schedule = some_schedule();
  const TreeView view = describe(schedule);
  CHECK(view.leaves[2].array.data == schedule.history().data());
}

TEST_CASE("setters are called with what was restored, each once and when all is read") {
  Schedule same;
  restore_into(same, tree_of(some_schedule()));
  check_same(same, some_schedule());
  CHECK(same.log().size() == 3);
  check_same(copy_of(some_schedule()), some_schedule());
}

TEST_CASE("a target's getter says what is wanted") {
  Schedule target;
  target.set_groups({{"fast", {}}});
  try {
    restore_into(target, tree_of(some_schedule()));
    FAIL("must not fit");
  } catch (const KeyError& e) {
    REQUIRE(e.missing().size() == 2);
    CHECK(e.missing()[0].path == "groups/fast/value");
  }
  CHECK(target.step() == 0);
  CHECK(target.log().empty());
  Tree lacking = Tree::dict();
  try {
    restore_into(target, lacking);
    FAIL("must not fit");
  } catch (const KeyError& e) {
    CHECK(e.missing().size() == 6);  // without version and doubled, which have no setter
    CHECK(e.missing()[5].path == "groups/fast/history");
  }
}

TEST_CASE("properties nest, are inherited, and are reached through optionals, variants, lists and maps") {
  Captain captain;
  Angle east, west;
  set_degrees(east, 90);
  set_degrees(west, 270);
  captain.set_heading(east);
  captain.other = west;
  captain.name = "Ahab";
  CHECK(tree_of(captain)["heading"]["degrees"].scalar<double>() == 90);
  const Captain same = copy_of(captain);
  CHECK(degrees(same.heading()) == 90);
  CHECK(degrees(*same.other) == 270);
  CHECK(same.name == "Ahab");
  const std::map<int, std::vector<Angle>> nested{{3, {east, west}}};
  CHECK(degrees(copy_of(nested).at(3)[1]) == 270);
  const std::variant<std::string, Angle> either(east);
  CHECK(degrees(std::get<1>(copy_of(either))) == 90);
}

TEST_CASE("what a setter throws comes out, and the other members are in place") {
  struct State {
    Never never{};
    std::int64_t step = 0;
  };
  Tree tree = tree_of(State{{}, 4});
  State state;
  CHECK_THROWS_AS(restore_into(state, tree), std::domain_error);
  CHECK(state.step == 4);
}

TEST_CASE("properties in every layout") {
  const Schedule schedule = some_schedule();
  const Tree dict = flax::to_state_dict(schedule);
  check_same(flax::from_state_dict(Schedule(), dict), schedule);
  check_same(flax::from_state_dict<Schedule>(dict), schedule);
  check_same(flax::from_bytes<Schedule>(flax::to_bytes(schedule)), schedule);
  const storage_test::ScratchDirectory scratch;
  PyTreeCheckpointer().save(scratch / "item", schedule);
  check_same(PyTreeCheckpointer().restore<Schedule>(scratch / "item"), schedule);
  check_same(PyTreeCheckpointer().restore(scratch / "item", Schedule()), schedule);
  AsyncCheckpointer async;
  Schedule soon_changed = some_schedule();
  async.save(scratch / "async", soon_changed);
  soon_changed = Schedule();
  async.wait_until_finished();
  check_same(PyTreeCheckpointer().restore<Schedule>(scratch / "async"), schedule);
  Schedule filled;
  filled.set_step(3);
  const Transforms transforms{{"cache", Transform{.original_key = "step"}}, {"rate", Transform{.use_fallback = true}}};
  PyTreeCheckpointer().restore_into(scratch / "item", filled, {.transforms = transforms});
  CHECK(filled.cache == 7);
  CHECK(filled.step() == 7);
  CHECK(filled.rate() == 0);
  CHECK(filled.history() == schedule.history());
  RestoreReport report;
  PyTreeCheckpointer().restore<Schedule>(scratch / "item", {.report = &report});
  CHECK(report.paths(LeafAction::kept) == Keys{"version", "doubled"});
  CHECK(report.paths(LeafAction::restored) == Keys{"step", "rate", "history", "cache", "groups/slow/value", "groups/slow/history"});
  Tree flat = Tree::dict();
  flat["heading.degrees"] = 3.0;
  flat["name"] = std::string("x");
  CHECK(nest(ops<Captain>(), nullptr, flat).tree["heading"]["degrees"].scalar<double>() == 3);
}

}  // namespace
}  // namespace properties
