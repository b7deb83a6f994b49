// The worked examples of the OCDBT description, and a directory to put databases in.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "orrery/core/byte_io.hpp"
#include "orrery/core/crc32c.hpp"
#include "orrery/formats/ocdbt/format.hpp"

namespace ocdbt_examples {

inline std::string unhex(std::string_view hex) {
  std::string bytes;
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  for (std::size_t i = 0; i + 1 < hex.size();) {
    if (hex[i] == ' ' || hex[i] == '\n') {
      ++i;
      continue;
    }
    bytes += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
    i += 2;
  }
  return bytes;
}

// Example 1: three keys, two leaves under one root.
inline const std::string data_name = "d/00112233445566778899aabbccddeeff";
inline const std::string data_file = unhex(
    "68 65 6c 6c 6f 2c 20 77 6f 72 6c 64 0c db 20 de 46 00 00 00 00 00 00 00 00 00 00 01 22 00 64 2f"
    "30 30 31 31 32 32 33 33 34 34 35 35 36 36 37 37 38 38 39 39 61 61 62 62 63 63 64 64 65 65 66 66"
    "02 00 01 01 31 32 02 0c 00 01 00 00 76 31 47 b9 36 df 0c db 20 de 18 00 00 00 00 00 00 00 00 00"
    "00 00 01 00 00 00 6b 6c 88 8c 0c db 20 de 50 00 00 00 00 00 00 00 00 00 01 01 22 00 64 2f 30 30"
    "31 31 32 32 33 33 34 34 35 35 36 36 37 37 38 38 39 39 61 61 62 62 63 63 64 64 65 65 66 66 02 00"
    "05 01 04 01 61 62 2f 6b 31 62 00 00 0c 52 46 18 02 01 46 18 0c 00 f3 5f 20 10");
inline const std::string manifest = unhex(
    "0c db 3a 2a 5f 00 00 00 00 00 00 00 00 00 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 00 08 64 04 00"
    "01 22 00 64 2f 30 30 31 31 32 32 33 33 34 34 35 35 36 36 37 37 38 38 39 39 61 61 62 62 63 63 64 64 65 65 66 66"
    "01 01 01 00 6a 50 03 ae 01 0c 15 cd 85 3d fe 9c 97 17 00 c2 c5 d8 38");
inline const std::uint64_t commit_time = 1700000000123456789;

inline orrery::ocdbt::Config config() {
  orrery::ocdbt::Config c;
  for (std::uint8_t i = 0; i < 16; ++i) c.uuid[i] = i;
  c.max_inline_value_bytes = 8;
  c.max_decoded_node_bytes = 100;
  c.zstd_level.reset();
  return c;
}

// Example 2: the one node of a parent over two process databases.
inline const std::string merged_node = unhex(
    "0c db 20 de 8e 00 00 00 00 00 00 00 00 00 00 02 0e 32 24 10 10"
    "6f 63 64 62 74 2e 70 72 6f 63 65 73 73 5f 30 2f 64 2f"
    "61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61"
    "31 2f 64 2f 62 62 62 62 62 62 62 62 62 62 62 62 62 62 62 62 62 62 62 62 62 62 62 62 62 62 62 62 62 62 62 62"
    "03 02 04 09 03 01 77 2f 2e 7a 61 72 72 61 79 30 2e 30 31 02 08 08 00 01 01 00 01 00 00 7b 7d a5 30 4a 8e");

// Makes length and checksum of a blob right again.
inline std::string resealed(std::string blob) {
  orrery::store_le<std::uint64_t>(blob.data() + 4, blob.size());
  orrery::store_le<std::uint32_t>(blob.data() + blob.size() - 4, orrery::crc32c(blob.data(), blob.size() - 4));
  return blob;
}

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "orrery_ocdbt_XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  void put(const std::string& name, const std::string& content) const {
    const std::filesystem::path path = path_ + "/" + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary | std::ios::trunc).write(content.data(), static_cast<std::streamsize>(content.size()));
  }

 private:
  std::string path_;
};

}  // namespace ocdbt_examples
