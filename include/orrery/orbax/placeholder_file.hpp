// The file `checkpoint`: up to Orbax 0.5.20 the tree's structure as msgpack, every stored leaf being the string
// "PLACEHOLDER://<name>". Those versions insist on it, newer ones ignore it (spec/orbax.md 0.1 step 7).
#pragma once

#include <cstdint>
#include <string>

#include <msgpack/pack.hpp>

#include "orrery/core/on_use.hpp"
#include "orrery/tree/tree_view.hpp"

namespace orrery::inline v0::orbax {

namespace detail {

struct StringSink {
  std::string& out;
  void write(const char* data, std::size_t size) { out.append(data, size); }  // msgpack-c takes its address
};

class PlaceholderPacker {
 public:
  template <OnUse = OnUse()>
  PlaceholderPacker(const TreeView& view, std::string& out) : view_(view), sink_{out}, packer_(sink_) {}

  template <OnUse = OnUse()>
  void node(std::uint32_t at, const std::string& name) {
    const ViewNode& n = view_.nodes[at];
    const bool is_empty = n.kind != NodeKind::leaf && n.end == at + 1;
    const bool keyed = n.kind == NodeKind::dict || n.kind == NodeKind::record;
    if (n.kind == NodeKind::leaf) {
      text("PLACEHOLDER://" + name);
    } else if (n.kind == NodeKind::none || (is_empty && (n.kind == NodeKind::record || n.kind == NodeKind::tuple))) {
      packer_.pack_nil();
    } else {
      if (keyed)
        packer_.pack_map(n.count);
      else
        packer_.pack_array(n.count);
      std::size_t index = 0;
      for (std::uint32_t child = at + 1; child < n.end; child = view_.nodes[child].end) {
        const std::string key = keyed ? std::string(view_.nodes[child].name) : std::to_string(index++);
        if (keyed) text(key);
        node(child, at == 0 ? key : name + "." + key);
      }
    }
  }

 private:
  template <OnUse = OnUse()>
  void text(const std::string& content) {
    packer_.pack_str(static_cast<std::uint32_t>(content.size()));
    packer_.pack_str_body(content.data(), static_cast<std::uint32_t>(content.size()));
  }

  const TreeView& view_;
  StringSink sink_;
  msgpack::packer<StringSink> packer_;
};

}  // namespace detail

template <OnUse = OnUse()>
inline std::string placeholder_file(const TreeView& view) {
  std::string out;
  detail::PlaceholderPacker(view, out).node(0, {});
  return out;
}

}  // namespace orrery::inline v0::orbax
