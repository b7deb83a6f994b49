// The log handler: who gets what the library says, and that its troubles stay its own.
#include "orrery/core/log.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace orrery;

TEST_CASE("a handler gets every message until another takes its place") {
  std::vector<std::pair<LogLevel, std::string>> first, second;
  set_log_handler([&](LogLevel level, std::string_view message) { first.emplace_back(level, message); });
  log(LogLevel::info, "one");
  log(LogLevel::warning, "two");
  set_log_handler([&](LogLevel level, std::string_view message) { second.emplace_back(level, message); });
  log(LogLevel::error, "three");
  set_log_handler(nullptr);
  log(LogLevel::info, "nobody hears this");
  CHECK(first == std::vector<std::pair<LogLevel, std::string>>{{LogLevel::info, "one"}, {LogLevel::warning, "two"}});
  CHECK(second == std::vector<std::pair<LogLevel, std::string>>{{LogLevel::error, "three"}});
}

TEST_CASE("what a handler throws is dropped, and it may log and set handlers itself") {
  set_log_handler([](LogLevel, std::string_view) { throw std::runtime_error("no"); });
  log(LogLevel::error, "dropped");
  int calls = 0;
  set_log_handler([&](LogLevel, std::string_view) {
    ++calls;
    set_log_handler([](LogLevel, std::string_view) {});
    log(LogLevel::error, "to the new one");
  });
  log(LogLevel::error, "once");
  set_log_handler(nullptr);
  CHECK(calls == 1);
}
