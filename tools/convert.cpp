// orrery convert SRC DST --to orbax|flax|safetensors: a tree from one format into another.
#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <memory>
#include <string>
#include <vector>

#include "commands.hpp"
#include "load.hpp"
#include "orrery/flax/msgpack_file.hpp"
#include "orrery/orbax/pytree_checkpointer.hpp"
#include "orrery/safetensors.hpp"
#include "orrery/storage/file_system.hpp"
#include "orrery/tree/describe.hpp"

namespace orrery::tools {

namespace {

struct ConvertOptions {
  std::string source{};
  std::string destination{};
  std::string to{};
  double step = 0;
  std::string item{};
  bool force = false;
};

// The state dict of the tree, as flax.serialization.to_bytes gives it: arrays go from the tree to the file without another copy.
void write_flax(const Tree& tree, const ConvertOptions& options) {
  const TreeView view = describe(tree);
  flax::detail::write_msgpack_file(msgpack_format::image_of_state_dict(view), options.destination, {.overwrite = options.force});
}

// Names joined with '.'; the texts of a source that has such are kept.
void write_safetensors(const Tree& tree, const Part& from, const ConvertOptions& options) {
  safetensors::SaveOptions save{.overwrite = options.force};
  if (from.layout == Layout::safetensors) save.metadata = safetensors::load_metadata(from.path);
  safetensors::save_file(tree, options.destination, save);
}

void convert(const ConvertOptions& options, const std::optional<double>& step) {
  if (!options.force && storage::exists(options.destination))
    throw AlreadyExistsError("there is something already; --force replaces it", {{}, options.destination});
  const std::vector<Part> parts = locate(options.source, {step, options.item});
  if (parts.size() > 1) {
    std::string known;
    for (const Part& part : parts) known += (known.empty() ? "" : ", ") + part.item;
    throw ArgumentError("this step holds several items; choose one with --item: " + known, {{}, options.source});
  }
  const Tree tree = load(parts[0]);
  if (options.to == "flax") write_flax(tree, options);
  else if (options.to == "safetensors") write_safetensors(tree, parts[0], options);
  else PyTreeCheckpointer().save(options.destination, tree, {.force = options.force});
}

}  // namespace

void add_convert(CLI::App& app) {
  CLI::App* command = app.add_subcommand("convert", "One checkpoint into another format");
  const auto options = std::make_shared<ConvertOptions>();
  command->add_option("SRC", options->source, "A legacy Flax file or directory, a safetensors file, an Orbax item or step, or a manager's root")
      ->required();
  command->add_option("DST", options->destination, "What to write: a directory for orbax, a file for flax and safetensors")->required();
  command->add_option("--to", options->to,
                      "orbax: an item that Python Orbax restores; flax: a file for flax.serialization.from_bytes; safetensors: a file of flat names")
      ->required()
      ->check(CLI::IsMember({"orbax", "flax", "safetensors"}));
  CLI::Option* step = command->add_option("--step", options->step, "The step of a root; without it the latest");
  command->add_option("--item", options->item, "The item of a step that holds several");
  command->add_flag("--force", options->force, "Replace what is at DST");
  command->final_callback([options, step] { convert(*options, step->count() > 0 ? std::optional(options->step) : std::nullopt); });
}

}  // namespace orrery::tools
