// std::from_chars, also for double where the standard library has it for integers alone (libc++ before 20).
#pragma once

#include <charconv>
#include <cmath>
#include <locale.h>  // newlocale, of POSIX
#include <stdlib.h>  // strtod_l
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>

namespace orrery::inline v0::detail {

// As std::from_chars in the general format, with the C library's conversion, which rounds correctly as well. Allocates for long texts.
inline std::from_chars_result double_from_chars(const char* first, const char* last, double& value) {
  static const locale_t classic = newlocale(LC_ALL_MASK, "C", nullptr);
  std::string text(first, last);
  const std::size_t digits = text.starts_with('-') ? 1 : 0;
  if (const std::size_t x = text.find_first_of("xX"); x == digits + 1) text.resize(x);  // the zero before a hexadecimal number
  if (text.size() == digits || std::string_view(" \t\n\v\f\r+-").find(text[digits]) != std::string_view::npos)
    return {first, std::errc::invalid_argument};
  char* end = nullptr;
  const double number = strtod_l(text.c_str(), &end, classic);
  if (end == text.c_str()) return {first, std::errc::invalid_argument};
  const char* const behind = first + (end - text.c_str());
  const std::string_view read(text.c_str(), static_cast<std::size_t>(end - text.c_str()));
  const bool overflows = std::isinf(number) && read.find_first_of("0123456789") != read.npos;
  const bool underflows = number == 0 && read.substr(0, read.find_first_of("eE")).find_first_of("123456789") != read.npos;
  if (overflows || underflows) return {behind, std::errc::result_out_of_range};
  value = number;
  return {behind, std::errc()};
}

template <class Number>
std::from_chars_result from_chars(const char* first, const char* last, Number& value) {
  if constexpr (requires { std::from_chars(first, last, value); })
    return std::from_chars(first, last, value);
  else
    return double_from_chars(first, last, value);
}

}  // namespace orrery::inline v0::detail
