#include <doctest/doctest.h>

#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <system_error>

#include "orrery/core/from_chars.hpp"

namespace from_chars_of_double {
namespace {

void check_same(const std::string& text) {
  double wanted = 7, found = 7;
  const auto a = std::from_chars(text.data(), text.data() + text.size(), wanted);
  const auto b = orrery::detail::double_from_chars(text.data(), text.data() + text.size(), found);
  INFO(text);
  CHECK(a.ptr - text.data() == b.ptr - text.data());
  CHECK(a.ec == b.ec);
  CHECK(std::bit_cast<std::uint64_t>(wanted) == std::bit_cast<std::uint64_t>(found));
}

TEST_CASE("what stands in for from_chars of a double says the same of every text") {
  for (const char* text : {"",
                           "-",
                           "+1",
                           " 1",
                           "1 ",
                           "0",
                           "-0",
                           "1",
                           "-1.5",
                           ".5",
                           "5.",
                           ".",
                           "1e5",
                           "1e",
                           "1e+",
                           "1E-3x",
                           "--1",
                           "-+1",
                           "0x10",
                           "-0x1p3",
                           "inf",
                           "-inf",
                           "infinity",
                           "1e400",
                           "-1e400",
                           "1e-400",
                           "-1e-400",
                           "0e-400",
                           "4.9e-324",
                           "2.2250738585072011e-308",
                           "1.7976931348623157e308",
                           "abc",
                           "1,5",
                           "123456789012345678901234567890",
                           "x1"})
    check_same(text);
  std::minstd_rand random(7);
  for (int i = 0; i < 2000; ++i) {
    const double number = std::bit_cast<double>((std::uint64_t{random()} << 33) ^ (std::uint64_t{random()} << 16) ^ random());
    char text[64];
    check_same(std::string(text, std::to_chars(text, text + sizeof text, number).ptr));
  }
}

}  // namespace
}  // namespace from_chars_of_double
