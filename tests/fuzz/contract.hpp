// What every fuzz target keeps: whatever the bytes are, only orrery::Error comes of them, and what was read and written again is read
// equal. A target is a function of bytes; libfuzzer.cpp and replay.cpp run it.
#pragma once

#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "orrery/core/error.hpp"

namespace orrery::fuzz {

// A broken contract. No orrery::Error, so that nothing takes it for a refusal.
struct Finding : std::logic_error {
  using std::logic_error::logic_error;
};

// What reading gives, or nothing where it is refused. Other exceptions pass: they are findings.
template <class Read>
auto read(Read&& read) -> std::optional<decltype(read())> {
  try {
    return read();
  } catch (const Error&) {
    return std::nullopt;
  }
}
template <class Read>
  requires std::same_as<decltype(std::declval<Read&>()()), void>
bool accepts(Read&& read) {
  try {
    read();
    return true;
  } catch (const Error&) {
    return false;
  }
}

inline void expect(bool holds, const char* what) {
  if (!holds) throw Finding(what);
}

// `write` may refuse what was read (formats can be wider than their writers); if it does not, reading what it wrote must give the same, and
// the same text when written again.
template <class Value, class Write, class Read, class Same>
void expect_stable(const Value& value, Write&& write, Read&& parse, Same&& same) {
  const std::optional<std::string> once = read([&] { return std::string(write(value)); });
  if (!once) return;
  const Value again = parse(*once);
  expect(same(value, again), "what was read and written again is read as something else");
  expect(write(again) == *once, "what was read and written twice is written in two ways");
}

inline std::span<const std::byte> as_bytes(std::string_view input) { return std::as_bytes(std::span(input.data(), input.size())); }

}  // namespace orrery::fuzz
