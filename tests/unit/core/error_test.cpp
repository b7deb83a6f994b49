#include <doctest/doctest.h>

#include <string>

#include "orrery/core/error.hpp"

using namespace orrery;

TEST_CASE("an error names leaf, file and offset, in its message and to programs") {
  const FormatError error("bad magic", {"model/kernel", "manifest.ocdbt", 12});
  CHECK(std::string(error.what()) == "bad magic [at model/kernel] [file manifest.ocdbt, offset 12]");
  CHECK(error.key_path() == "model/kernel");
  CHECK(error.file() == "manifest.ocdbt");
  CHECK(error.offset() == 12);
  const ArgumentError plain("no such option");
  CHECK(std::string(plain.what()) == "no such option");
  CHECK_FALSE(plain.offset());
}

TEST_CASE("every error can be caught as Error and as std::exception") {
  CHECK_THROWS_AS(throw DataLossError("a"), Error);
  CHECK_THROWS_AS(throw KeyError("a", Differences{}), MismatchError);
  CHECK_THROWS_AS(throw IoError("a", 5), std::runtime_error);
  CHECK(IoError("cannot open", 2, {{}, "x"}).code() == 2);
}

TEST_CASE("a mismatch keeps all differences by kind") {
  Differences differences;
  CHECK(differences.empty());
  differences.missing.push_back({"a/b", "not stored"});
  differences.dtypes.push_back({"c", "stored float32, wanted int32"});
  const MismatchError error("2 differences", differences);
  CHECK(error.missing().at(0).path == "a/b");
  CHECK(error.dtypes().size() == 1);
  CHECK(error.shapes().empty());
  const MismatchError copied = error;
  CHECK(copied.missing().size() == 1);
}
