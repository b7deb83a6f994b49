#include <doctest/doctest.h>

#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <typeinfo>

#include "orrery/core/error.hpp"
#include "orrery/distributed/encoded_error.hpp"

using namespace orrery;
using distributed::EncodedError;

namespace {

template <class E>
void check_survives(const E& error) {
  const EncodedError sent = EncodedError::from(EncodedError::of(std::make_exception_ptr(error)).bytes());
  try {
    sent.raise();
    FAIL("raise() returned");
  } catch (const Error& back) {
    CHECK(typeid(back) == typeid(E));
    CHECK(std::string(back.what()) == error.what());
    CHECK(back.key_path() == error.key_path());
    CHECK(back.file() == error.file());
    CHECK(back.offset() == error.offset());
  }
}

}  // namespace

TEST_CASE("every exception of orrery survives the journey with its type, text and place") {
  const Where where{"params/kernel", "/ckpt/3/d/0", 77};
  check_survives(Error("plain"));
  check_survives(NotFoundError("no such file", {{}, "/ckpt"}));
  check_survives(AlreadyExistsError("there", where));
  check_survives(ArgumentError("bad", {"a"}));
  check_survives(FormatError("format", where));
  check_survives(DataLossError("crc", where));
  check_survives(TimeoutError("late"));
  check_survives(CancelledError("enough"));
  check_survives(IoError("write", 28, where));
  Differences differences;
  differences.missing = {{"a", "missing"}, {"b", ""}};
  differences.dtypes = {{"c", "dtype"}};
  check_survives(MismatchError("m", differences, where));
  check_survives(KeyError("k", differences));
  check_survives(ShapeError("s", differences));
  check_survives(DTypeError("d", differences));
  check_survives(StructureError("t", differences));
  const EncodedError back = EncodedError::from(EncodedError::of(std::make_exception_ptr(KeyError("k", differences))).bytes());
  REQUIRE(back.differences.missing.size() == 2);
  CHECK(back.differences.missing[1].path == "b");
  CHECK(back.differences.dtypes.at(0).message == "dtype");
}

TEST_CASE("a derived exception travels as what it is to orrery, a foreign one as its text") {
  struct Special : ArgumentError {
    using ArgumentError::ArgumentError;
  };
  CHECK_THROWS_WITH_AS(EncodedError::of(std::make_exception_ptr(Special("odd"))).raise(), "odd", ArgumentError);
  CHECK_THROWS_WITH_AS(EncodedError::of(std::make_exception_ptr(std::runtime_error("theirs"))).raise(), "theirs", Error);
  CHECK_THROWS_WITH_AS(EncodedError::of(std::make_exception_ptr(std::bad_alloc())).raise(), "there is no memory left", Error);
  CHECK_THROWS_AS(EncodedError::of(std::make_exception_ptr(5)).raise(), Error);
}

TEST_CASE("bytes that are no error are refused") {
  const std::string good = EncodedError::of(std::make_exception_ptr(IoError("write", 28, {"a", "b", 1}))).bytes();
  for (std::size_t size = 0; size < good.size(); ++size) CHECK_THROWS_AS(EncodedError::from(good.substr(0, size)), FormatError);
  CHECK_THROWS_AS(EncodedError::from(good + "x"), FormatError);
  CHECK_THROWS_AS(EncodedError::from("\xff" + good.substr(1)), FormatError);
}
