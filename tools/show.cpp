// orrery show CKPT: the tree as a table for people, or as the canonical JSON description for programs.
#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "canonical.hpp"
#include "commands.hpp"
#include "load.hpp"
#include "statistics.hpp"

namespace orrery::tools {

namespace {

struct ShowOptions {
  std::string path{};
  bool json = false;
  bool checksums = false;
  bool values = false;
  double step = 0;
  std::string item{};
};

void write(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) throw IoError("could not write to standard output", errno);
}

bool is_only_described(const Tree& leaf) { return leaf.is_leaf() && !leaf.has_value(); }

// One leaf in memory at a time.
void write_leaves(Source& source, CanonicalOptions options) {
  const bool read = options.checksums || options.values;
  std::string out = "\"leaves\": [";
  bool first = true;
  for_each_leaf(source.tree(), [&](const LeafPath& path, const Tree& leaf) {
    out += first ? "\n  " : ",\n  ";
    first = false;
    if (read && is_only_described(leaf)) append_leaf(out, path, source.read(leaf), options);
    else append_leaf(out, path, leaf, options);
    if (out.size() > (std::size_t{1} << 16)) {
      write(out);
      out.clear();
    }
  });
  out += "]}";
  write(out);
}

void show_json(const std::vector<Part>& parts, const ShowOptions& options) {
  const CanonicalOptions form{options.checksums, options.values};
  if (parts.size() == 1) {
    const auto source = open(parts[0]);
    write(fmt::format("{{\"format\": \"{}\", ", name(parts[0].layout)));
    write_leaves(*source, form);
  } else {
    write("{\"format\": \"orbax\", \"parts\": [");
    for (const Part& part : parts) {
      const auto source = open(part);
      std::string head = &part == parts.data() ? "\n{\"path\": " : ",\n{\"path\": ";
      append_json_string(head, part.below);
      if (part.step) head += fmt::format(", \"step\": {}", *part.step);
      head += ", \"item\": ";
      append_json_string(head, part.item);
      write(head + ", ");
      write_leaves(*source, form);
    }
    write("]}");
  }
  write("\n");
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

struct Row {
  std::string path, kind, dtype, shape, bytes, value;
};

// Appends text and blanks up to `width` characters (UTF-8).
void append_cell(std::string& out, const std::string& text, std::size_t width, bool to_the_right = false) {
  const std::size_t blanks = width - characters(text);
  if (to_the_right) out.append(blanks, ' ');
  out += text;
  if (!to_the_right) out.append(blanks, ' ');
  out += "  ";
}

// What a leaf holds, in a few words.
std::string summary(const Tree& leaf) {
  std::string out;
  if (!leaf.is_leaf() || !leaf.has_value()) return out;
  const LeafKind kind = leaf.leaf_kind();
  if (kind == LeafKind::string) {
    constexpr std::size_t shown = 60;
    std::size_t end = std::min(leaf.string().size(), shown);
    while (end < leaf.string().size() && end > 0 && (static_cast<unsigned char>(leaf.string()[end]) & 0xc0) == 0x80) --end;
    append_json_string(out, std::string_view(leaf.string()).substr(0, end));
    if (end < leaf.string().size()) out += "...";
  } else if (kind != LeafKind::bytes && kind != LeafKind::ext) {
    const ArrayView view = leaf.array().view();
    if (view.rank() == 0) append_number(out, view);
    else if (const auto found = statistics_of(view)) out = fmt::format("{:.6g} / {:.6g} / {:.6g}", found->min, found->mean, found->max);
  }
  return out;
}

void show_table(const Part& part, const ShowOptions& options) {
  const auto source = open(part);
  std::vector<Row> rows{{"path", "kind", "dtype", "shape", "bytes", options.values ? "value, or min / mean / max" : ""}};
  std::uint64_t total = 0;
  for_each_leaf(source->tree(), [&](const LeafPath& path, const Tree& leaf) {
    Row row{to_string(path), std::string(kind_of(leaf)), "", "", "", ""};
    if (leaf.is_leaf()) {
      std::optional<std::uint64_t> bytes;
      if (leaf.dtype() != DType::none) {
        row.dtype = name(leaf.dtype());
        row.shape = orrery::to_string(leaf.shape());
        bytes = checked_bytes(leaf.shape(), item_size(leaf.dtype()));
      } else if (leaf.has_value()) {
        bytes = leaf.string().size();
      }
      if (bytes) {
        row.bytes = fmt::format("{}", *bytes);
        total += *bytes;
      }
      if (options.values) row.value = summary(is_only_described(leaf) ? source->read(leaf) : leaf);
    }
    rows.push_back(std::move(row));
  });
  std::size_t widths[5] = {};
  for (const Row& row : rows) {
    const std::string* cells[] = {&row.path, &row.kind, &row.dtype, &row.shape, &row.bytes};
    for (std::size_t i = 0; i < 5; ++i) widths[i] = std::max(widths[i], characters(*cells[i]));
  }
  write(fmt::format("{}  ({})\n", part.path, name(part.layout)));
  for (const Row& row : rows) {
    std::string line = "  ";
    append_cell(line, row.path, widths[0]);
    append_cell(line, row.kind, widths[1]);
    append_cell(line, row.dtype, widths[2]);
    append_cell(line, row.shape, widths[3]);
    append_cell(line, row.bytes, widths[4], true);
    line += row.value;
    line.erase(line.find_last_not_of(' ') + 1);
    write(line + "\n");
  }
  write(fmt::format("  {} leaves, {} bytes\n", rows.size() - 1, total));
}

}  // namespace

void add_show(CLI::App& app) {
  CLI::App* command = app.add_subcommand("show", "The tree of a checkpoint: names, dtypes, shapes, bytes");
  const auto options = std::make_shared<ShowOptions>();
  command->add_option("CKPT", options->path, "A legacy Flax file or directory, a safetensors file, an Orbax item or step, or a manager's root")->required();
  command->add_flag("--json", options->json, "The canonical description as JSON");
  command->add_flag("--checksums", options->checksums, "With --json: CRC-32C and first bytes of every leaf (reads the values)");
  command->add_flag("--values", options->values, "Values of scalars, smallest, mean and largest of arrays (reads the values)");
  CLI::Option* step = command->add_option("--step", options->step, "The step of a root; without it the latest");
  command->add_option("--item", options->item, "One item of a step; without it all");
  command->final_callback([options, step] {
    if (options->checksums && !options->json) throw CLI::ValidationError("--checksums", "is a part of --json");
    LocateOptions where{{}, options->item};
    if (step->count() > 0) where.step = options->step;
    const std::vector<Part> parts = locate(options->path, where);
    if (options->json) return show_json(parts, *options);
    for (const Part& part : parts) show_table(part, *options);
  });
}

}  // namespace orrery::tools
