// A pattern for key paths, "model/params/(.*)": ECMAScript's regular expressions, matched against the whole path. One of the two rooms
// with <regex> (the other is transforms.hpp); what a match means is the business of who asks.
#pragma once

#include <regex>
#include <string>
#include <string_view>

#include "orrery/core/error.hpp"

namespace orrery::inline v0 {

class KeyPattern {
 public:
  // ArgumentError for what is no regular expression here, Python's own constructs among them.
  explicit KeyPattern(const std::string& text) try : expression_(text, std::regex::ECMAScript | std::regex::optimize) {
  } catch (const std::regex_error& error) {
    throw ArgumentError("\"" + text + "\" is no ECMAScript regular expression (" + error.what() +
                        "); named groups, look-behind and inline flags are Python's alone");
  }

  bool matches(std::string_view path) const { return std::regex_match(path.begin(), path.end(), expression_); }

 private:
  std::regex expression_;
};

}  // namespace orrery::inline v0
