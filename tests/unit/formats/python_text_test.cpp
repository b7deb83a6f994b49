#include "orrery/formats/python_text.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>

using namespace orrery;
using namespace std::string_literals;

TEST_CASE("strings take single quotes, and double ones where that saves a backslash") {
  CHECK(python_string("") == "''");
  CHECK(python_string("params") == "'params'");
  CHECK(python_string("it's") == "\"it's\"");
  CHECK(python_string("say \"a\"") == "'say \"a\"'");
  CHECK(python_string("'\"") == R"('\'"')");
}

TEST_CASE("backslashes, controls and what Python cannot print are escaped") {
  CHECK(python_string("a\\b\n\r\t") == R"('a\\b\n\r\t')");
  CHECK(python_string("\0\x1f\x7f"s) == R"('\x00\x1f\x7f')");
  CHECK(python_string("\u0080\u00a0\u00ad") == R"('\x80\xa0\xad')");
  CHECK(python_string("\u200b\u2028\u3000\ufeff\ue000\uffff") == R"('\u200b\u2028\u3000\ufeff\ue000\uffff')");
  CHECK(python_string("\U000e0001\U0010ffff") == R"('\U000e0001\U0010ffff')");
}

TEST_CASE("other non-ASCII text is kept") {
  CHECK(python_string("\u00e9\u4e2d\u00a1\U0001F600\u0301") == "'\u00e9\u4e2d\u00a1\U0001F600\u0301'");
}

TEST_CASE("bytes that are no UTF-8 are escaped one by one") {
  CHECK(python_string("a\xff\xc3z\xe2\x82") == R"('a\xff\xc3z\xe2\x82')");
}

TEST_CASE("floats are the shortest text that reads back, positional for exponents from -4 to 15") {
  CHECK(python_float(1) == "1.0");
  CHECK(python_float(0.1) == "0.1");
  CHECK(python_float(100000) == "100000.0");
  CHECK(python_float(1e15) == "1000000000000000.0");
  CHECK(python_float(9999999999999998) == "9999999999999998.0");
  CHECK(python_float(1e16) == "1e+16");
  CHECK(python_float(1.2345678901234568e17) == "1.2345678901234568e+17");
  CHECK(python_float(0.0001) == "0.0001");
  CHECK(python_float(1e-5) == "1e-05");
  CHECK(python_float(2.5e-7) == "2.5e-07");
  CHECK(python_float(0.1 + 0.2) == "0.30000000000000004");
  CHECK(python_float(1.5e300) == "1.5e+300");
  CHECK(python_float(1e22) == "1e+22");
  CHECK(python_float(5e-324) == "5e-324");
  CHECK(python_float(-0.0) == "-0.0");
}

TEST_CASE("floats that are no numbers have Python's names") {
  CHECK(python_float(std::numeric_limits<double>::infinity()) == "inf");
  CHECK(python_float(-std::numeric_limits<double>::infinity()) == "-inf");
  CHECK(python_float(std::numeric_limits<double>::quiet_NaN()) == "nan");
}
