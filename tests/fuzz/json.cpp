// JSON as such, and the JSON files of an Orbax item: _METADATA, _strings.json, _orrery.json, array_metadatas/process_0.
#include "contract.hpp"

#include <algorithm>
#include <cmath>

#include "orrery/formats/json.hpp"
#include "orrery/orbax/read_metadata.hpp"
#include "orrery/orbax/stored_tree.hpp"

namespace orrery::fuzz {

namespace {

bool same(const json::Value& a, const json::Value& b) {
  if (a.data.index() != b.data.index()) return false;
  if (const auto* list = a.array()) return std::equal(list->begin(), list->end(), b.array()->begin(), b.array()->end(), same);
  if (const auto* object = a.object())
    return std::equal(object->begin(), object->end(), b.object()->begin(), b.object()->end(),
                      [](const auto& x, const auto& y) { return x.first == y.first && same(x.second, y.second); });
  if (const auto* d = a.number())
    return *d == *b.number() ? std::signbit(*d) == std::signbit(*b.number()) : *d != *d && *b.number() != *b.number();
  return (a.is_null() || (a.boolean() && *a.boolean() == *b.boolean()) || (a.integer() && *a.integer() == *b.integer()) ||
          (a.unsigned_integer() && *a.unsigned_integer() == *b.unsigned_integer()) || (a.string() && *a.string() == *b.string()));
}

}  // namespace

void json(std::string_view input) {
  const Where where{{}, "input.json", {}};
  for (const bool nan : {false, true}) {
    const json::ParseOptions options{.max_depth = 64, .nan_and_infinity = nan};
    const auto value = read([&] { return json::parse(input, where, options); });
    if (!value) continue;
    for (const json::Style style : {json::Style::python, json::Style::compact})
      expect_stable(
          *value, [&](const json::Value& v) { return json::dump(v, style); },
          [&](const std::string& text) { return json::parse(text, where, options); }, same);
  }
  accepts([&] {
    orbax::ItemMetadata metadata = orbax::parse_metadata_file(input, where);
    orbax::build_tree(
        metadata.entries,
        [](const orbax::MetadataEntry& entry) { return Tree::described(LeafKind::array, DType::float32, {}, 0, orbax::param_name(entry)); },
        where);
  });
  accepts([&] { orbax::StoredChecksums(input, where); });
  accepts([&] { orbax::StoredStrings(input, where).at("a/b~1c.d"); });
  accepts([&] { orbax::prng_impls(input, where); });
}

}  // namespace orrery::fuzz
