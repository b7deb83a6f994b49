#include "orrery/formats/json.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

using namespace orrery;
using namespace std::string_view_literals;

namespace {

const Where file{.file = "item/_METADATA"};

json::Value parsed(std::string_view text, const json::ParseOptions& options = {}) { return json::parse(text, file, options); }

// The events as one line.
struct Trace {
  std::string text{};
  void null() { text += "null "; }
  void boolean(bool b) { text += b ? "true " : "false "; }
  void integer(std::int64_t i) { text += "i" + std::to_string(i) + " "; }
  void unsigned_integer(std::uint64_t i) { text += "u" + std::to_string(i) + " "; }
  void number(double d) { text += "d" + python_float(d) + " "; }
  void string(std::string_view s) { text += "'" + std::string(s) + "' "; }
  void key(std::string_view s) { text += std::string(s) + ": "; }
  void start_object() { text += "{ "; }
  void end_object() { text += "} "; }
  void start_array() { text += "[ "; }
  void end_array() { text += "] "; }
};

std::uint64_t refused_at(std::string_view text) {
  try {
    parsed(text);
  } catch (const FormatError& error) {
    CHECK(error.file() == "item/_METADATA");
    return error.offset().value();
  }
  FAIL("this was parsed: " << std::string(text.substr(0, 40)));
  return 0;
}

}  // namespace

TEST_CASE("a handler gets every value in the order of the text, whatever the whitespace") {
  Trace trace;
  json::parse(" {\"a\" :[ 1,-2 ,2.5e1,null],\r\n\t\"b\":{\"c\":true,\"d\":false},\"e\":\"x\\u00e9\\n\"} ", trace, file);
  CHECK(trace.text == "{ a: [ i1 i-2 d25.0 null ] b: { c: true d: false } e: 'x\u00e9\n' } ");
}

TEST_CASE("signed, unsigned and floating numbers are kept apart") {
  CHECK(*parsed("9223372036854775807").integer() == INT64_MAX);
  CHECK(*parsed("-9223372036854775808").integer() == INT64_MIN);
  CHECK(*parsed("9223372036854775808").unsigned_integer() == std::uint64_t{1} << 63);
  CHECK(*parsed("18446744073709551615").unsigned_integer() == UINT64_MAX);
  CHECK(*parsed("18446744073709551616").number() == 18446744073709551616.0);
  CHECK(*parsed("-9223372036854775809").number() == -9223372036854775808.0);
  CHECK(*parsed("1.0").number() == 1.0);
  CHECK(*parsed("1e2").number() == 100.0);
  CHECK(*parsed("0.30000000000000004").number() == 0.30000000000000004);
  CHECK(std::signbit(*parsed("-0.0").number()));
}

TEST_CASE("numbers of extreme exponents and lengths neither crash nor lose their meaning") {
  CHECK(*parsed("1e-99999999999999").number() == 0.0);
  CHECK(*parsed("1e-99999999999999999999999").number() == 0.0);
  CHECK(std::signbit(*parsed("-1e-400").number()));
  CHECK(*parsed("5e-324").number() == 5e-324);
  CHECK(*parsed("0." + std::string(100000, '0') + "1").number() == 0.0);
  CHECK(*parsed("0." + std::string(400, '0') + "1e401").number() == 1.0);
  CHECK_THROWS_AS(parsed("1e309"), FormatError);
  CHECK_THROWS_AS(parsed("1e99999999999999999999"), FormatError);
  CHECK_THROWS_AS(parsed(std::string(100000, '9')), FormatError);
}

TEST_CASE("what is no strict JSON is refused with its place") {
  CHECK(refused_at("") == 0);
  CHECK(refused_at("{\"a\": 1,}") == 8);
  CHECK(refused_at("[1 2]") == 3);
  CHECK(refused_at("{} {}") == 3);
  CHECK(refused_at("{}\0x"sv) == 2);
  for (std::string_view text : {"[1,]", "01", "+1", ".5", "1.", "1e", "-", "'a'", "{a:1}", "nul", "// c\n1", "\"\t\"", "\"a", "[", "{\"a\"",
                                "\"\\x\"", "\xef\xbb\xbf{}"})
    CHECK_THROWS_AS(parsed(text), FormatError);
  CHECK_THROWS_AS(parsed("\"a\0b\""sv), FormatError);
}

TEST_CASE("offsets count from where the text stands in its file") {
  try {
    json::parse("[1 2]", Where{.file = "d/data", .offset = 1000});
    FAIL("parsed");
  } catch (const FormatError& error) {
    CHECK(error.offset() == 1003);
  }
}

TEST_CASE("text that is no UTF-8 is refused, raw or by half a surrogate pair") {
  for (std::string_view text : {"\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf5\x80\x80\x80\"", "\"\xe2\x82\"", "\"\\ud800\"",
                                "\"\\ud800\\u0041\"", "\"\\udc00\"", "{\"\\udfff\":1}"})
    CHECK_THROWS_AS(parsed(text), FormatError);
  CHECK(*parsed("\"\xed\x9f\xbf\\uD83D\\ude00\"").string() == "\xed\x9f\xbf\xf0\x9f\x98\x80");
}

TEST_CASE("a key that stands twice in one object is refused, in two objects it is not") {
  CHECK(refused_at("{\"a\":1,\"b\":{\"a\":2},\"\\u0061\":3}") == 19);
  CHECK(parsed("[{\"a\":1},{\"a\":{\"a\":1}}]").array()->size() == 2);
  CHECK_THROWS_WITH_AS(parsed("{\"x\":{\"k\":0,\"k\":0}}"), doctest::Contains("the key \"k\" stands twice"), FormatError);
}

TEST_CASE("nesting has a limit that input cannot pass, however deep it goes") {
  CHECK_THROWS_WITH_AS(parsed(std::string(10000, '[')), doctest::Contains("deeper than 128"), FormatError);
  std::string objects;
  for (int i = 0; i < 10000; ++i) objects += "{\"a\":";
  CHECK_THROWS_AS(parsed(objects), FormatError);
  CHECK_THROWS_AS(parsed("[[[0]]]", {.max_depth = 2}), FormatError);
  CHECK_NOTHROW(parsed("[[0],[0]]", {.max_depth = 2}));
  CHECK_NOTHROW(parsed(std::string(128, '[') + std::string(128, ']')));
}

TEST_CASE("NaN and the infinities are read only where asked for") {
  const json::ParseOptions python{.nan_and_infinity = true};
  CHECK(std::isnan(*parsed("NaN", python).number()));
  CHECK(*parsed("[-Infinity]", python).array()->front().number() == -INFINITY);
  for (std::string_view text : {"NaN", "Infinity", "-Infinity"}) CHECK_THROWS_AS(parsed(text), FormatError);
  for (std::string_view text : {"Inf", "-Inf", "-NaN", "nan", "Infinit"}) CHECK_THROWS_AS(parsed(text, python), FormatError);
}

TEST_CASE("an object of very many keys is read, and its last key checked, in one pass") {
  std::string text = "{";
  for (int i = 0; i < 20000; ++i) text += "\"leaf" + std::to_string(i) + "\":{\"key_type\":2},";
  CHECK(parsed(text + "\"z\":0}").object()->size() == 20001);
  CHECK_THROWS_AS(parsed(text + "\"leaf7\":0}"), FormatError);
}

TEST_CASE("a cursor reads what is there and names the path of what is not") {
  const json::Value root =
      parsed(R"({"shape":[5,-3],"codec":{"id":"zstd","level":1},"big":18446744073709551615,"x":1.5,"on":true,"no":null})");
  const json::Cursor top(root, file);
  CHECK(top.at("shape").at(1).integer() == -3);
  CHECK(top.at("codec").at("id").string() == "zstd");
  CHECK(top.at("big").unsigned_integer() == UINT64_MAX);
  CHECK(top.at("codec").at("level").unsigned_integer() == 1);
  CHECK(top.at("x").number() == 1.5);
  CHECK(top.at("codec").at("level").number() == 1.0);
  CHECK(top.at("on").boolean());
  CHECK(top.at("no").is_null());
  CHECK_FALSE(top.find("other"));
  CHECK(top.at("shape").at(1).path() == "shape[1]");

  CHECK_THROWS_WITH_AS(top.at("shape").at(1).integer(0), doctest::Contains("\"shape[1]\""), FormatError);
  CHECK_THROWS_WITH_AS(top.at("codec").at("id").integer(), doctest::Contains("\"codec.id\" of the JSON document: expected an integer"),
                       FormatError);
  CHECK_THROWS_WITH_AS(top.at("codec").at("id").integer(), doctest::Contains("found a string [file item/_METADATA]"), FormatError);
  CHECK_THROWS_WITH_AS(top.at("other"), doctest::Contains("expected a member \"other\", found none"), FormatError);
  CHECK_THROWS_AS(top.at("shape").at(2), FormatError);
  CHECK_THROWS_AS(top.at("x").at("y"), FormatError);
  CHECK_THROWS_AS(top.at("x").size(), FormatError);
  CHECK_THROWS_AS(top.at("big").integer(), FormatError);
  CHECK_THROWS_AS(top.at("shape").at(1).unsigned_integer(), FormatError);
  CHECK_THROWS_AS(top.at("no").string(), FormatError);
  CHECK_THROWS_AS(top.at("no").boolean(), FormatError);
  CHECK_THROWS_AS(top.at("on").number(), FormatError);
}

TEST_CASE("the default style is that of Python's json.dumps") {
  CHECK(json::dump(parsed(R"({"b":[1,2.0,{}],"a":{"x":null,"y":[true,false]},"e":[]})")) ==
        R"({"b": [1, 2.0, {}], "a": {"x": null, "y": [true, false]}, "e": []})");
  CHECK(json::quoted("\"\\/\b\f\n\r\t\x01\x7f \u00e9 \u2028 \U0001F600") ==
        R"("\"\\/\b\f\n\r\t\u0001\u007f \u00e9 \u2028 \ud83d\ude00")");
  std::string out;
  json::Writer writer(out);
  writer.start_array();
  for (double d : {1e16, 0.0001, -0.0, double(INFINITY), -double(INFINITY), double(NAN)}) writer.number(d);
  writer.unsigned_integer(UINT64_MAX);
  writer.integer(INT64_MIN);
  writer.end_array();
  CHECK(out == "[1e+16, 0.0001, -0.0, Infinity, -Infinity, NaN, 18446744073709551615, -9223372036854775808]");
}

TEST_CASE("the compact style has no spaces and keeps UTF-8") {
  const std::string_view text = "{\"b\":[1,2.0,{}],\"\u00e9\U0001F600\x7f\":\"\\u0001\\n\"}";
  CHECK(json::dump(parsed(text), json::Style::compact) == text);
  CHECK_THROWS_AS(json::dump(json::Value{NAN}, json::Style::compact), ArgumentError);
}

TEST_CASE("text that is no UTF-8 is not written") {
  for (json::Style style : {json::Style::python, json::Style::compact}) {
    CHECK_THROWS_WITH_AS(json::quoted("ab\xff", style), doctest::Contains("its byte 2 is not"), ArgumentError);
    CHECK_THROWS_AS(json::quoted("\xed\xa0\x80", style), ArgumentError);
    CHECK_THROWS_AS(json::quoted("\xc3", style), ArgumentError);
  }
}

TEST_CASE("a text can be parsed straight into a writer") {
  std::string out;
  json::Writer writer(out, json::Style::compact);
  json::parse("{ \"a\" : [ 1 , \"x\" ], \"b\": { } }", writer, file);
  CHECK(out == "{\"a\":[1,\"x\"],\"b\":{}}");
}
