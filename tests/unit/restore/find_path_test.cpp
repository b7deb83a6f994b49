#include "orrery/restore/find_path.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace orrery;

namespace {
std::string nearest(const char* wanted, const std::vector<std::string>& paths) { return std::string(detail::nearest_path(wanted, paths)); }
}  // namespace

TEST_CASE("a path is found through dicts and lists, and where keys hold slashes") {
  Tree tree = Tree::dict();
  tree["a"]["b"] = Tree::list({Tree::scalar(1), Tree::tuple({Tree::scalar(2)})});
  tree.insert({"x/y"}, Tree::scalar(3));
  tree.insert({""}, Tree::scalar(4));
  detail::PathFinder finder(tree);
  CHECK(finder.find("a/b/0") == &tree["a"]["b"][0]);
  CHECK(finder.find("a/b/1/0") == &tree["a"]["b"][1][0]);
  CHECK(finder.find("a/b") == &tree["a"]["b"]);
  CHECK(finder.find("x/y") == &tree["x/y"]);
  CHECK(finder.find("") == &tree);
  for (const char* absent : {"a/b/2", "a/b/00", "a/b/-1", "a/b/0/0", "a/", "/a", "c", "a/b/", "a/b/18446744073709551616"})
    CHECK(finder.find(absent) == nullptr);
}

TEST_CASE("the nearest path differs in one misspelt key, or is the only one of that name") {
  const std::vector<std::string> paths{"model/params/kernel", "model/params/bias", "model/step", "ema/scale", "a/count", "b/count"};
  CHECK(nearest("model/params/kernal", paths) == "model/params/kernel");
  CHECK(nearest("model/parms/kernel", paths) == "model/params/kernel");
  CHECK(nearest("modle/params/bias", paths) == "model/params/bias");
  CHECK(nearest("model/params/scale", paths) == "ema/scale");
  CHECK(nearest("c/count", paths) == "");      // two have that name
  CHECK(nearest("model/stop2", paths) == "");  // two letters of four
  CHECK(nearest("model/stop", paths) == "model/step");
  CHECK(nearest("x", {"y"}) == "");  // one letter says nothing
  CHECK(nearest("kernel", {}) == "");
}

TEST_CASE("edit distance counts insertions, deletions, replacements and exchanged neighbours") {
  CHECK(detail::edit_distance("kitten", "sitting", 9) == 3);
  CHECK(detail::edit_distance("bias", "bais", 9) == 1);
  CHECK(detail::edit_distance("", "abc", 9) == 3);
  CHECK(detail::edit_distance("abc", "abc", 9) == 0);
  CHECK(detail::edit_distance("abcdef", "a", 2) == 3);
  CHECK(detail::edit_distance(std::string(70, 'a'), std::string(70, 'a'), 2) == 3);  // too long to be looked at
}
