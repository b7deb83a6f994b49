#include "orrery/restore/type_changes.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {

using namespace orrery;
using Texts = std::vector<std::string>;

TEST_CASE("changes of a schema are told line by line") {
  CHECK(type_changes("a: int64\nb/[]: string\n", "a: int64\nb/[]: string\n").empty());
  CHECK(type_changes("a: int64\nb: float32[?]\nc: none\n", "b: float64[?]\nd: string\na: int64\n") ==
        Texts{"b: float32[?] is now float64[?]", "c: none is gone", "d: string is new"});
  CHECK(type_changes(".: float64\n", "x: float64\n") == Texts{".: float64 is gone", "x: float64 is new"});
  CHECK(type_changes("a/b: int64\nc?/d: string\n", "a?/b: int64\nc/d: float64\n") ==
        Texts{"a/b is now a?/b", "c?/d: string is now float64"});
  CHECK(type_changes("odd: name: int64\n", "odd: name: int32[]\n") == Texts{"odd: name: int64 is now int32[]"});
}

TEST_CASE("a stored schema may be anything") {
  CHECK(type_changes("no colon\n\n: \n", "a: int64") == Texts{":  is gone", "a: int64 is new"});
  CHECK(type_changes("", "").empty());
}

TEST_CASE("an error names twenty changes at most") {
  CHECK(tell_type_changes({}).empty());
  CHECK(tell_type_changes({"a: int64 is new"}) == ". The type has changed since it was saved:\n    a: int64 is new");
  const std::string text = tell_type_changes(Texts(23, "x: string is gone"));
  CHECK(text.ends_with("\n    and 3 more"));
}

}  // namespace
