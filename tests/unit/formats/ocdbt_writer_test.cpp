#include "orrery/formats/ocdbt/writer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "ocdbt_examples.hpp"
#include "orrery/formats/ocdbt/merge.hpp"
#include "orrery/formats/ocdbt/reader.hpp"

namespace {

using namespace orrery::ocdbt;
using namespace ocdbt_examples;
using orrery::ArgumentError;

std::string numbered(const char* stem, int i) {
  const std::string digits = std::to_string(i);
  return stem + std::string(7 - digits.size(), '0') + digits;
}

// Writes n keys, some inline and some not, and checks that a reader finds exactly them. Returns the root height.
int check_round_trip(int n, std::uint32_t node_limit, std::optional<int> level) {
  const TemporaryDirectory directory;
  Config c = orbax_config();
  c.max_decoded_node_bytes = node_limit;
  Writer writer(c, {.node_zstd_level = level});
  const std::uint32_t file = writer.add_file({"", "d/x"});
  std::string data;
  for (int i = n; i-- > 0;) {  // not in order
    const std::string key = numbered(i % 3 ? "params.dense/" : "step", i);
    if (i % 2) {
      writer.put_inline(key, "value " + std::to_string(i));
    } else {
      const std::string value = "data " + std::to_string(i);
      writer.put_reference(key, file, data.size(), value.size());
      data += value;
    }
  }
  const WriterResult result = writer.finish({"", "d/x"}, data.size());
  directory.put("d/x", data + result.nodes);
  directory.put("manifest.ocdbt", result.manifest);

  Database database = Database::open(directory.path());
  CHECK(database.config() == c);
  CHECK(database.entries().size() == static_cast<std::size_t>(n));
  CHECK(database.counted() == database.version()->statistics);
  for (int i = 0; i < n; ++i) {
    const Entry* entry = database.find(i % 3 ? "params.dense/" : "step", numbered("", i));
    REQUIRE(entry);
    CHECK(database.read(*entry) == (i % 2 ? "value " : "data ") + std::to_string(i));
  }
  return database.version()->root_height;
}

}  // namespace

TEST_CASE("the writer makes the worked example, whatever the order of the puts") {
  for (const bool reversed : {false, true}) {
    Writer writer(config(), {.commit_time = commit_time});
    const std::uint32_t file = writer.add_file({"", data_name});
    if (reversed) writer.put_inline("b", "");
    writer.put_reference("ab/k2", file, 0, 12);
    writer.put_inline("ab/k1", "v1");
    if (!reversed) writer.put_inline("b", "");
    const WriterResult result = writer.finish({"", data_name}, 12);
    CHECK(result.nodes == data_file.substr(12));
    CHECK(result.manifest == manifest);
    CHECK(result.version.statistics == Statistics{3, 174, 12});
  }
}

TEST_CASE("levels are cut where TensorStore cuts them") {
  const std::vector<std::uint64_t> many(1048577, 16 + 7);
  CHECK(cut_nodes(many, 0, {1000000000, 1}) == std::vector<std::size_t>{524289, 1048577});
  CHECK(cut_nodes(many, 0, {0, 1}) == std::vector<std::size_t>{524288, 1048577});
  const std::vector<std::uint64_t> few(5, 30);
  CHECK(cut_nodes(few, 3, {1, 1}) == std::vector<std::size_t>{1, 2, 3, 4, 5});
  CHECK(cut_nodes(few, 3, {1, 2}) == std::vector<std::size_t>{2, 4, 5});
  CHECK(cut_nodes(few, 3, {100000000, 1}) == std::vector<std::size_t>{5});
  const std::vector<std::uint64_t> example{23, 71, 17};
  CHECK(cut_nodes(example, 0, {100, 1}) == std::vector<std::size_t>{2, 3});
  // The entry that passes the limit goes to the next node.
  const std::vector<std::uint64_t> uneven{60, 60, 60, 10};
  CHECK(cut_nodes(uneven, 0, {100, 1}) == std::vector<std::size_t>{1, 2, 4});
  CHECK(cut_nodes({}, 0, {}).empty());
}

TEST_CASE("databases of every size and height come back") {
  CHECK(check_round_trip(0, 100000000, {}) == 0);
  CHECK(check_round_trip(1, 100000000, {}) == 0);
  CHECK(check_round_trip(3, 1, {}) == 2);
  CHECK(check_round_trip(2000, 100000000, {}) == 0);
  CHECK(check_round_trip(2000, 1, 0) == 11);
  CHECK(check_round_trip(2000, 500, {}) > 2);
  CHECK(check_round_trip(2000, 8000, 3) >= 1);
}

TEST_CASE("an empty database has a missing root") {
  const WriterResult result = Writer(config()).finish({"", "d/x"}, 0);
  CHECK(result.nodes.empty());
  const Manifest m = decode_manifest(result.manifest, {});
  CHECK(m.versions.back().root.is_missing());
  CHECK(m.versions.back().generation == 1);
}

TEST_CASE("a key that was put twice is refused, or the last put wins where that is asked for") {
  Writer strict, loose(orbax_config(), {.last_put_wins = true});
  for (Writer* writer : {&strict, &loose}) {
    writer->put_inline("a", "first");
    writer->put_inline("b", "");
    writer->put_inline("a", "second");
  }
  CHECK_THROWS_WITH_AS(strict.finish({"", "d/x"}, 0), doctest::Contains("'a' was put twice"), ArgumentError);
  const BtreeNode node = decode_btree_node(loose.finish({"", "d/x"}, 0).nodes, {});
  REQUIRE(node.entries.size() == 2);
  CHECK(node.entries[0].inline_value == "second");
}

TEST_CASE("what OCDBT cannot hold is refused when it is put") {
  Writer writer;
  CHECK_THROWS_AS(writer.put_inline(std::string(65536, 'k'), ""), ArgumentError);
  CHECK_THROWS_AS(writer.put_inline("k", std::string(1048577, 'v')), ArgumentError);
  CHECK_THROWS_AS(writer.put_reference("k", 0, 0, 1), ArgumentError);
  const std::uint32_t file = writer.add_file({"", "d/x"});
  CHECK_THROWS_AS(writer.put_reference("k", file, max_file_end, 1), ArgumentError);
  CHECK_THROWS_AS(writer.add_file({"../", "x"}), ArgumentError);
  CHECK_THROWS_AS(writer.finish({"", "/abs"}, 0), ArgumentError);
  CHECK(writer.size() == 0);
  writer.put_inline(std::string(65535, 'k'), std::string(1048576, 'v'));
  CHECK_NOTHROW(writer.finish({"", "d/x"}, 0));
}

TEST_CASE("random names are 32 hex digits and do not repeat") {
  const std::string name = random_hex_name();
  CHECK(name.size() == 32);
  CHECK(name.find_first_not_of("0123456789abcdef") == name.npos);
  CHECK(name != random_hex_name());
}

TEST_CASE("the configuration is Orbax's, with a fresh uuid") {
  const Config a = orbax_config(), b = orbax_config();
  CHECK(a.uuid != b.uuid);
  CHECK(a.kind == ManifestKind::single);
  CHECK(a.max_inline_value_bytes == 1024);
  CHECK(a.max_decoded_node_bytes == 100000000);
  CHECK(a.version_tree_arity_log2 == 4);
  CHECK(a.zstd_level == 0);
}

TEST_CASE("a parent over two process databases refers to their files") {
  const TemporaryDirectory directory;
  const std::string letters = "ab";
  for (int i = 0; i < 2; ++i) {
    Writer child(config());
    const DataFile values{"", "d/" + std::string(32, letters[static_cast<std::size_t>(i)])};
    child.put_inline("w/.zarray", "{}");
    child.put_reference("w/0." + std::to_string(i), child.add_file(values), 0, 8);
    const WriterResult result = child.finish({"", "d/nodes"}, 0);
    const std::string sub = "ocdbt.process_" + std::to_string(i) + "/";
    directory.put(sub + values.relative, "12345678");
    directory.put(sub + "d/nodes", result.nodes);
    directory.put(sub + "manifest.ocdbt", result.manifest);
  }
  Config c = config();
  c.max_decoded_node_bytes = 100000000;
  Writer parent(c, {.last_put_wins = true});
  for (const char* sub : {"ocdbt.process_0", "ocdbt.process_1"}) put_all(parent, Database::open(directory / sub), sub);
  const WriterResult result = parent.finish({"", "d/root"}, 0);
  CHECK(result.nodes == merged_node);
  directory.put("d/root", result.nodes);
  directory.put("manifest.ocdbt", result.manifest);
  Database database = Database::open(directory.path());
  CHECK(database.entries().size() == 3);
  CHECK(database.read(*database.find("w/0.1")) == "12345678");
  CHECK(database.path(*database.find("w/0.1")) == directory / ("ocdbt.process_1/d/" + std::string(32, 'b')));
}
