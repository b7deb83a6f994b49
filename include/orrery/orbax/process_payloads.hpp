// What each of several processes writes of one item, and what the first of them makes of it: payloads go into data files of each process's
// own, below ocdbt.process_<rank>/ (spec/orbax.md 4.1, spec/ocdbt.md 12.6); only keys and places travel, and one database at the item's
// root points to all of them. Who meets whom, and when, is save_together.hpp's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/byte_io.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/orbax/payload_stores.hpp"
#include "orrery/orbax/write_arrays.hpp"

namespace orrery::inline v0::orbax {

// Everything that rank 0 has to know of what another process wrote: some 30 bytes and the key for each payload.
struct ProcessShare {
  struct Payload {
    std::string key;
    std::uint64_t offset, size;
  };
  std::string file{};  // "d/0123...", in the process's directory; empty where the layout has no database
  std::vector<Payload> payloads{};
  std::vector<PayloadChecksum> checksums{};

  template <OnUse = OnUse()>
  std::string encoded() const {
    std::string bytes;
    ByteWriter out(bytes);
    const auto text = [&out](std::string_view content) {
      out.varint(content.size());
      out.text(content);
    };
    text(file);
    out.varint(payloads.size());
    for (const Payload& payload : payloads) {
      text(payload.key);
      out.varint(payload.offset);
      out.varint(payload.size);
    }
    out.varint(checksums.size());
    for (const PayloadChecksum& checksum : checksums) {
      text(checksum.key);
      out.u32le(checksum.crc32c);
    }
    return bytes;
  }
  // How many payloads encoded() has told of.
  template <OnUse = OnUse()>
  static std::uint64_t count(std::string_view bytes) {
    ByteReader in(bytes, "message of another process");
    in.skip(in.v64());
    return in.v64();
  }
  // Reads what encoded() has made, without a copy of any of it: on_file(file) where there are payloads, then on_payload(key, offset, size)
  // for each, then on_checksum(key, crc32c) for each.
  template <class OnFile, class OnPayload, class OnChecksum>
  static void read(std::string_view bytes, OnFile&& on_file, OnPayload&& on_payload, OnChecksum&& on_checksum) {
    ByteReader in(bytes, "message of another process");
    const auto text = [&in] { return in.text(in.v64()); };
    const std::string_view file = text();
    std::uint64_t left = in.v64();
    if (left > 0) on_file(file);
    for (; left > 0; --left) {
      const std::string_view key = text();
      const std::uint64_t offset = in.v64(), size = in.v64();
      on_payload(key, offset, size);
    }
    for (left = in.v64(); left > 0; --left) {
      const std::string_view key = text();
      on_checksum(key, in.u32le());
    }
  }
};

inline std::string process_directory(int rank) { return "ocdbt.process_" + std::to_string(rank) + "/"; }

// The store of one process: its payloads into one data file, which nothing points to yet. Metadata is kept for the root.
class ProcessPayloads {
 public:
  template <OnUse = OnUse()>
  ProcessPayloads(const std::string& item, int rank, storage::GatherOptions options)
      : name_("d/" + ocdbt::random_hex_name()), file_(make_file(item + "/" + process_directory(rank), name_)), writer_(file_, options) {}

  template <OnUse = OnUse()>
  void put_metadata(const std::string& prefix, std::string_view name, std::string_view text) {
    metadata_.emplace_back(prefix + std::string(name), text);
  }
  template <class Write>
  storage::Placed put(std::string_view key, std::size_t alignment, Write&& write) {
    writer_.pad_to(alignment);
    const storage::Placed placed = write(writer_);
    payloads_.push_back({std::string(key), placed.offset, placed.size});
    return placed;
  }
  template <OnUse = OnUse()>
  void flush() {
    writer_.flush();
  }
  template <OnUse = OnUse()>
  void finish() {
    writer_.flush();
    file_.close();
  }

  const std::vector<std::pair<std::string, std::string>>& metadata() const noexcept { return metadata_; }
  ProcessShare share(std::vector<PayloadChecksum> checksums) && { return {name_, std::move(payloads_), std::move(checksums)}; }

 private:
  template <OnUse = OnUse()>
  static storage::File make_file(const std::string& directory, const std::string& name) {
    storage::make_directories(directory + "d");
    return storage::File::create(directory + name);
  }

  std::string name_;
  storage::File file_;
  storage::GatherWriter writer_;
  std::vector<std::pair<std::string, std::string>> metadata_{};
  std::vector<ProcessShare::Payload> payloads_{};
};

}  // namespace orrery::inline v0::orbax
