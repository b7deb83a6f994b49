#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "orrery/optax/states.hpp"
#include "orrery/orbax/metadata_files.hpp"
#include "orrery/orbax/placeholder_file.hpp"
#include "orrery/reflect/reflectable.hpp"

namespace {

using namespace orrery;
using namespace orrery::orbax;

struct Params2 {
  Array<float> bias = Array<float>({3});
  Array<float> kernel = Array<float>({5, 3});
};
struct Model {
  std::int64_t step = 1;
  Params2 params{};
  std::tuple<optax::EmptyState, optax::EmptyState> opt_state{};
};
struct Config {
  Array<std::int64_t> dimensions = Array<std::int64_t>({2});
};
// The running example of spec/orbax.md; a Python dict, so in the order of its keys.
struct Example {
  Config config{};
  std::vector<Array<float>> data{Array<float>({5})};
  Model model{};
};

std::string metadata_of(const auto& value, std::string_view custom = {}) {
  const TreeView view = describe(value);
  return metadata_file(flatten_params(view), custom);
}
std::string strings_of(const Tree& tree) {
  const TreeView view = describe(tree);
  return strings_file(flatten_params(view));
}

}  // namespace

TEST_CASE("_METADATA of the running example is that of spec/orbax.md 2.1.1, its arrays being np.ndarray") {
  const std::string expected =
      R"x({"tree_metadata": {"('config', 'dimensions')": {"key_metadata": [{"key": "config", "key_type": 2}, )x"
      R"x({"key": "dimensions", "key_type": 2}], "value_metadata": {"value_type": "np.ndarray", "skip_deserialize": false}}, )x"
      R"x("('data', '0')": {"key_metadata": [{"key": "data", "key_type": 2}, {"key": "0", "key_type": 1}], )x"
      R"x("value_metadata": {"value_type": "np.ndarray", "skip_deserialize": false}}, "('model', )x"
      R"x('step')": {"key_metadata": [{"key": "model", "key_type": 2}, {"key": "step", "key_type": 2}], )x"
      R"x("value_metadata": {"value_type": "scalar", "skip_deserialize": false}}, "('model', 'params', )x"
      R"x('bias')": {"key_metadata": [{"key": "model", "key_type": 2}, {"key": "params", "key_type": 2}, {"key": "bias", )x"
      R"x("key_type": 2}], "value_metadata": {"value_type": "np.ndarray", "skip_deserialize": false}}, "('model', 'params', )x"
      R"x('kernel')": {"key_metadata": [{"key": "model", "key_type": 2}, {"key": "params", "key_type": 2}, {"key": "kernel", )x"
      R"x("key_type": 2}], "value_metadata": {"value_type": "np.ndarray", "skip_deserialize": false}}, "('model', 'opt_state', )x"
      R"x('0')": {"key_metadata": [{"key": "model", "key_type": 2}, {"key": "opt_state", "key_type": 2}, {"key": "0", )x"
      R"x("key_type": 1}], "value_metadata": {"value_type": "None", "skip_deserialize": true}}, "('model', 'opt_state', )x"
      R"x('1')": {"key_metadata": [{"key": "model", "key_type": 2}, {"key": "opt_state", "key_type": 2}, {"key": "1", )x"
      R"x("key_type": 1}], "value_metadata": {"value_type": "None", "skip_deserialize": true}}}, "use_ocdbt": true, )x"
      R"x("use_zarr3": false, "store_array_data_equal_to_fill_value": true, "custom_metadata": null})x";
  CHECK(metadata_of(Example{}) == expected);
}

TEST_CASE("entry names are Python's repr of the path, escaped as json.dumps does") {
  Tree tree = Tree::dict();
  tree["it's \"\\\n\u00e9"] = Tree::scalar(1);
  const std::string text = metadata_of(tree);
  CHECK(text.starts_with(
      R"x({"tree_metadata": {"('it\\'s \"\\\\\\n\u00e9',)": {"key_metadata": [{"key": "it's \"\\\n\u00e9", "key_type": 2}])x"));
  CHECK(metadata_of(Tree::scalar(1)).starts_with(R"x({"tree_metadata": {"()": {"key_metadata": [], )x"));
}

TEST_CASE("a typed key is a jax.Array with its write shape, and custom metadata is the user's JSON") {
  Tree tree = Tree::dict();
  tree.insert({"key"}, Tree::prng_key("threefry2x32", Array<std::uint32_t>({3, 2})));
  const std::string text = metadata_of(tree, R"({"lr": 0.5})");
  CHECK(text.find(R"("value_type": "jax.Array", "skip_deserialize": false, "write_shape": [3, 2])") != std::string::npos);
  CHECK(text.ends_with(R"("custom_metadata": {"lr": 0.5}})"));
}

TEST_CASE("_CHECKPOINT_METADATA has the six members in Orbax's order") {
  CHECK(checkpoint_metadata_file("\"a.Handler\"", 1778718340383655282, 1778718340783462133, R"({"custom": "meta"})") ==
        R"({"item_handlers": "a.Handler", "metrics": {}, "performance_metrics": {}, "init_timestamp_nsecs": 1778718340383655282, )"
        R"("commit_timestamp_nsecs": 1778718340783462133, "custom_metadata": {"custom": "meta"}})");
  CHECK(checkpoint_metadata_file("null", 1, 2, "").ends_with(R"("custom_metadata": {}})"));
}

TEST_CASE("_strings.json nests at slashes, its members sorted, everything else in one name") {
  Tree tree = Tree::dict();
  tree["model"]["name"] = Tree::string("abc");
  tree["a/b"] = Tree::string("nested");
  tree["a/c/d"] = Tree::string("\"q\"\n");
  tree["/x"] = Tree::string("rooted");
  tree["number"] = Tree::scalar(1);
  CHECK(strings_of(tree) == R"({"":{"x":"rooted"},"a":{"b":"nested","c":{"d":"\"q\"\n"}},"model.name":"abc"})");
  CHECK(strings_of(Tree::string("bare")) == R"({"":"bare"})");
}

TEST_CASE("shardings are keyed by URL-safe base64 with padding") {
  CHECK(base64_url("data.0") == "ZGF0YS4w");
  CHECK(base64_url("model.params.bias") == "bW9kZWwucGFyYW1zLmJpYXM=");
  CHECK(base64_url("model.params.kernel") == "bW9kZWwucGFyYW1zLmtlcm5lbA==");
  CHECK(base64_url("\xfb\xff\xbf") == "-_-_");
  CHECK(base64_url("").empty());
}

TEST_CASE("checksums are listed by the key of their payload") {
  CHECK(checksums_file({{"a/0", 7}, {"b\"/0.0", 4294967295u}}) ==
        R"({"format": "orrery", "version": 1, "crc32c": {"a/0": 7, "b\"/0.0": 4294967295}})");
}

TEST_CASE("the placeholder file is the structure in msgpack, its leaves naming themselves") {
  Tree tree = Tree::dict();
  tree["b"] = Tree::list({Tree::scalar(1), Tree::none()});
  tree["a"] = Tree::dict();
  const TreeView view = describe(tree);
  CHECK(placeholder_file(view) == std::string("\x82\xa1"
                                              "b\x92\xb1PLACEHOLDER://b.0\xc0\xa1"
                                              "a\x80"));
  const TreeView bare = describe(Tree::scalar(1));
  CHECK(placeholder_file(bare) == "\xaePLACEHOLDER://");
}
