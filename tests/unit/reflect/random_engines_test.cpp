// Random engines are leaves: an array of words that goes on where it was, whatever the engine.
#include "orrery/reflect/random_engines.hpp"

#include <doctest/doctest.h>

#include <clocale>
#include <cstdint>
#include <locale>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "orrery/core/copy.hpp"
#include "orrery/reflect/reflectable.hpp"
#include "orrery/tree/describe.hpp"

namespace {

using namespace orrery;

// Through a view of its words into another engine of that type.
template <class Engine>
void carry_over(const Engine& from, Engine& to) {
  const TreeView view = describe(ops<Engine>(), &from);
  REQUIRE(view.leaves.size() == 1);
  CHECK(view.leaves[0].array.dtype == ops<Engine>().leaf.dtype);
  ops<Engine>().assign(&to, view.leaves[0]);
}

// An aggregate with everything of an engine but the text: its members are what is stored.
struct Xorshift {
  std::uint64_t state = 1;
  using result_type = std::uint64_t;
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return ~result_type{0}; }
  result_type operator()() { return state ^= state << 13; }
  void seed() { state = 1; }
  void discard(unsigned long long count) {
    while (count--) (*this)();
  }
  friend bool operator==(const Xorshift&, const Xorshift&) = default;
};

}  // namespace

TEST_CASE_TEMPLATE("an engine goes on exactly where the saved one was", Engine, std::mt19937, std::mt19937_64, std::minstd_rand0,
                   std::minstd_rand, std::ranlux24_base, std::ranlux48_base, std::ranlux24, std::ranlux48, std::knuth_b,
                   std::independent_bits_engine<std::mt19937_64, 8, std::uint32_t>) {
  static_assert(kind_of<Engine>() == Route::leaf);
  Engine engine(1234);
  for (const unsigned long long count : {0ull, 1ull, 1000ull, 623ull}) {
    engine.discard(count);
    Engine other(99);
    other.discard(17);
    carry_over(engine, other);
    CHECK(other == engine);
    Engine copy = engine;
    for (int i = 0; i < 2000; ++i) REQUIRE(other() == copy());
  }
}

#if defined(__cpp_lib_philox_engine)
TEST_CASE_TEMPLATE("a counter-based engine goes on exactly where the saved one was", Engine, std::philox4x32, std::philox4x64) {
  Engine engine(1234), other;
  engine.discard(11);
  carry_over(engine, other);
  CHECK(other == engine);
  CHECK(other() == engine());
}
#endif

TEST_CASE("the state of mt19937 is uint32 words: in libstdc++ what NumPy calls key and pos") {
  const std::mt19937 engine(5489);
  const TreeView view = describe(ops<std::mt19937>(), &engine);
  CHECK(view.leaves[0].array.dtype == DType::uint32);
#if defined(__GLIBCXX__)
  CHECK(view.leaves[0].array.shape == Shape{625});
#endif
  const std::mt19937_64 wide;
  CHECK(describe(ops<std::mt19937_64>(), &wide).leaves[0].array.dtype == DType::uint64);
}

TEST_CASE("words of another engine are refused, and the engine stays as it was") {
  std::minstd_rand small(7);
  const TreeView view = describe(ops<std::minstd_rand>(), &small);
  std::mt19937 engine(3);
  const std::mt19937 before = engine;
  CHECK_THROWS_AS(ops<std::mt19937>().assign(&engine, view.leaves[0]), FormatError);
  CHECK(engine == before);
}

TEST_CASE_TEMPLATE("words that cannot be a state are refused one by one", Engine, std::mt19937, std::mt19937_64, std::minstd_rand,
                   std::ranlux24_base, std::ranlux48_base, std::ranlux24, std::ranlux48, std::knuth_b) {
  using Word = detail::EngineWord<Engine>;
  Engine engine(3);
  engine.discard(5);
  const Engine before = engine;
  const std::vector<Word> good = detail::engine_words(engine);
  std::size_t refused = 0;
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::vector<Word> words = good;
    words[i] = static_cast<Word>(~Word{0});
    try {
      detail::set_engine_words(engine, words.data(), words.size());
    } catch (const FormatError&) {
      ++refused;
      CHECK(engine == before);
    }
    for (int k = 0; k < 1000; ++k) engine();  // stays in its tables, whatever the words are
    engine = before;
  }
  CHECK(refused >= 1);
  if (Engine::max() < static_cast<Word>(~Word{0})) CHECK(refused == good.size());
}

TEST_CASE("the text of an engine is read without the user's locale") {
  struct Grouped : std::numpunct<char> {
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
  };
  const std::locale before = std::locale::global(std::locale(std::locale::classic(), new Grouped));
  const std::mt19937 engine(1);
  std::mt19937 other;
  carry_over(engine, other);
  std::locale::global(before);
  CHECK(other == engine);
}

TEST_CASE("a generator without a text form stays what it is") {
  static_assert(kind_of<Xorshift>() == Route::aggregate && Xorshift() == Xorshift());
  static_assert(kind_of<std::vector<std::mt19937>>() == Route::container);
}
