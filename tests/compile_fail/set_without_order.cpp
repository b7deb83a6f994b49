// expect: the elements of an unordered set are stored sorted, and these have no operator<
#include <cstddef>
#include <string>
#include <unordered_set>

#include "orrery/reflect/reflectable.hpp"

struct Word {
  std::string text;
  bool operator==(const Word&) const = default;
};
template <>
struct std::hash<Word> {
  std::size_t operator()(const Word& word) const { return word.text.size(); }
};
struct State {
  std::unordered_set<Word> words;
};

auto view = orrery::describe(State{});
