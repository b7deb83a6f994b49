#include "orrery/restore/key_pattern.hpp"

#include <doctest/doctest.h>

#include <string>

using orrery::KeyPattern;

TEST_CASE("a pattern matches the whole of a key path or nothing") {
  const KeyPattern kernels = KeyPattern::compile("model/.*/kernel");
  CHECK(kernels.matches("model/params/kernel"));
  CHECK_FALSE(kernels.matches("model/params/kernel/0"));
  CHECK_FALSE(kernels.matches("a/model/params/kernel"));
  CHECK(KeyPattern::compile("").matches(""));
  CHECK(KeyPattern::compile("(q|k|v)\\d+").matches("k12"));
}

TEST_CASE("what only Python understands is refused by name") {
  for (const char* text : {"(?P<name>a)", "(?<=a)b", "(", "[z-a]"}) {
    try {
      KeyPattern::compile(text);
      FAIL("accepted " << text);
    } catch (const orrery::ArgumentError& error) {
      CHECK(std::string(error.what()).find('"' + std::string(text) + '"') != std::string::npos);
    }
  }
}
