#include "orrery/tree/print.hpp"

#include <doctest/doctest.h>

#include <sstream>

using namespace orrery;

TEST_CASE("a tree prints as Python would print it") {
  Tree tree = Tree::dict();
  tree["step"] = std::int64_t{1};
  tree["opt_state"] = Tree::list({Tree(), Tree::dict()});
  tree["bias"] = Array<float>::from({1.5f, -0.001f});
  tree["it's"] = Tree::string("a'b");
  tree["t"] = Tree::tuple({Tree::scalar(true)});
  CHECK(to_string(tree) ==
        "{'step': 1, 'opt_state': [None, {}], 'bias': array([1.5, -0.001], dtype=float32), 'it\\'s': 'a\\'b', 't': (True,)}");
  std::ostringstream stream;
  stream << Tree::scalar(2.0);
  CHECK(stream.str() == "2.0");
}

TEST_CASE("large arrays and leaves without a value print as what they are") {
  CHECK(to_string(Tree(Array<float>({100, 100}))) == "array(shape=(100, 100), dtype=float32)");
  CHECK(to_string(Tree::described(LeafKind::array, DType::bfloat16, {5, 3}, 0)) == "array(bfloat16, (5, 3))");
}
