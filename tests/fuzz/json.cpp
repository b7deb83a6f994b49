// JSON as such, and the JSON files of an Orbax item: _METADATA, _strings.json, _orrery.json, array_metadatas/process_0.
#include "contract.hpp"

#include "orrery/formats/json.hpp"
#include "orrery/orbax/read_metadata.hpp"
#include "orrery/orbax/stored_tree.hpp"

namespace orrery::fuzz {

void json(std::string_view input) {
  const Where where{{}, "input.json", {}};
  for (const bool nan : {false, true}) {
    const json::ParseOptions options{.max_depth = 64, .nan_and_infinity = nan};
    const auto value = read([&] { return json::parse(input, where, options); });
    if (!value) continue;
    for (const json::Style style : {json::Style::python, json::Style::compact})
      expect_stable(
          *value, [&](const json::Value& v) { return json::dump(v, style); },
          [&](const std::string& text) { return json::parse(text, where, options); });
  }
  accepts([&] {
    orbax::ItemMetadata metadata = orbax::parse_metadata_file(input, where);
    orbax::build_tree(
        metadata.entries,
        [](const orbax::MetadataEntry& entry) { return Tree::described(LeafKind::array, DType::float32, {}, 0, orbax::param_name(entry)); },
        where);
  });
  accepts([&] { orbax::parse_checksums_file(input, where); });
  accepts([&] { orbax::StoredStrings(input, where).at("a/b~1c.d"); });
  accepts([&] { orbax::prng_impls(input, where); });
}

}  // namespace orrery::fuzz
