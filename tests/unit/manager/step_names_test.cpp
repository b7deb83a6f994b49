#include "orrery/manager/step_names.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <optional>

using orrery::ArgumentError;
using orrery::StepNames;

TEST_CASE("a step's directory is its number, with a prefix and zeros in front where they are asked for") {
  CHECK(StepNames().build(7) == "7");
  CHECK(StepNames("checkpoint").build(7) == "checkpoint_7");
  CHECK(StepNames({}, 4).build(7) == "0007");
  CHECK(StepNames("checkpoint", 8).build(7) == "checkpoint_00000007");
  CHECK(StepNames({}, 2).build(1234) == "1234");
  CHECK(StepNames("").build(7) == "_7");
  CHECK_THROWS_AS(StepNames().build(-1), ArgumentError);
}

TEST_CASE("only names that can be built are steps") {
  const StepNames plain, prefixed("ck"), padded({}, 4);
  CHECK(plain.parse("0") == 0);
  CHECK(plain.parse("12") == 12);
  for (const char* name : {"", "07", "00", "-1", "+1", "1a", " 1", "ck_1", "1.orbax-checkpoint-tmp", "metadata", "99999999999999999999"})
    CHECK_FALSE(plain.parse(name));
  CHECK(prefixed.parse("ck_3") == 3);
  for (const char* name : {"3", "ck_", "ck3", "ck_03", "xck_3"}) CHECK_FALSE(prefixed.parse(name));
  CHECK(padded.parse("0000") == 0);
  CHECK(padded.parse("0012") == 12);
  CHECK(padded.parse("12345") == 12345);
  for (const char* name : {"12", "00012", "012345"}) CHECK_FALSE(padded.parse(name));
  CHECK(plain.parse(plain.build(std::numeric_limits<std::int64_t>::max())) == std::numeric_limits<std::int64_t>::max());
}

TEST_CASE("unfinished directories of every version are known by their suffix") {
  for (const char* name : {"7.orbax-checkpoint-tmp", "7.orbax-checkpoint-tmp-3", "7.orbax-checkpoint-tmp-1690000000123456"})
    CHECK(orrery::is_temporary_name(name));
  CHECK_FALSE(orrery::is_temporary_name("7.tmp"));
}

TEST_CASE("a prefix that is no part of a name, and a length that is none, are refused") {
  CHECK_THROWS_AS(StepNames("a/b"), ArgumentError);
  CHECK_THROWS_AS(StepNames("x.orbax-checkpoint-tmp"), ArgumentError);
  CHECK_THROWS_AS(StepNames({}, -1), ArgumentError);
}
