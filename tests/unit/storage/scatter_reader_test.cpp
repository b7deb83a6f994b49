#include "orrery/storage/scatter_reader.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "scratch.hpp"

using namespace storage_test;
using namespace orrery::storage;

namespace {

struct DataFile {
  ScratchDirectory scratch{};
  std::string bytes{};
  File file{};

  explicit DataFile(std::size_t size) : bytes(size, '\0') {
    unsigned seed = 5;
    for (char& byte : bytes) byte = static_cast<char>((seed = seed * 1664525u + 1013904223u) >> 24);
    write_file(scratch / "data", bytes);
    file = File::open(scratch / "data");
  }
};

struct Wanted {
  std::vector<std::string> buffers{};
  std::vector<ReadRequest> requests{};

  Wanted(const DataFile& data, const std::vector<std::pair<std::size_t, std::size_t>>& ranges) {
    for (auto [offset, size] : ranges) buffers.emplace_back(size, '\0');
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      const auto [offset, size] = ranges[i];
      requests.push_back({offset, size, buffers[i].data(), orrery::crc32c(data.bytes.data() + offset, size), "params/w"});
    }
  }
  void check(const DataFile& data) const {
    for (std::size_t i = 0; i < requests.size(); ++i) CHECK(buffers[i] == data.bytes.substr(requests[i].offset, requests[i].size));
  }
};

}  // namespace

TEST_CASE("requests of all sizes, in any order, overlapping and twice, are read and verified") {
  const DataFile data(5 << 20);
  const std::vector<std::pair<std::size_t, std::size_t>> ranges = {
      {4'000'000, 1000}, {0, 3'000'000}, {3'000'000, 16},     {3'000'100, 2048}, {3'002'148, 2049}, {1 << 20, 2 << 20}, {(1 << 20) - 7, 14},
      {100, 0},          {5 << 20, 0},   {4'000'000, 1000}, {3'500'000, 300'000}, {3'800'064, 64}};
  for (std::size_t most : {SIZE_MAX, std::size_t{100'003}}) {
    Wanted wanted(data, ranges);
    TestHook hook;
    hook.most_bytes = most;
    {
      ScopedFileSystemHook installed(hook);
      read_scattered(data.file, wanted.requests);
    }
    wanted.check(data);
  }
}

TEST_CASE("neighbours are read in one call, and far ones without what lies between") {
  const DataFile data(3 << 20);
  std::vector<std::pair<std::size_t, std::size_t>> ranges;
  for (std::size_t i = 0; i < 1000; ++i) ranges.push_back({i * 1024, i % 3 ? 100 : 700});
  ranges.push_back({2 << 20, 50'000});
  Wanted wanted(data, ranges);
  TestHook hook;
  {
    ScopedFileSystemHook installed(hook);
    read_scattered(data.file, wanted.requests);
  }
  wanted.check(data);
  CHECK(hook.count(FileOperation::read) == 2);
  std::size_t bytes = 0;
  for (const auto& seen : hook.seen)
    if (seen.operation == FileOperation::read) bytes += seen.bytes;
  CHECK(bytes < 1000 * 1024 + 50'000 + 1);
}

TEST_CASE("large reads go by pieces that stay in the cache until they are verified") {
  const DataFile data(5 << 20);
  Wanted wanted(data, {{10, 5'000'000}});
  TestHook hook;
  ScopedFileSystemHook installed(hook);
  read_scattered(data.file, wanted.requests);
  wanted.check(data);
  CHECK(hook.largest(FileOperation::read) == 1 << 20);
}

TEST_CASE("a checksum that differs names file, offset, key path, what was expected and what was found") {
  const DataFile data(100'000);
  for (std::size_t size : {std::size_t{50}, std::size_t{60'000}}) {
    Wanted wanted(data, {{0, 100}, {1000, size}});
    wanted.requests[1].crc32c = 0x12345678u;
    read_scattered(data.file, wanted.requests, false);
    wanted.check(data);
    try {
      read_scattered(data.file, wanted.requests);
      FAIL("no error");
    } catch (const orrery::DataLossError& error) {
      const std::string message = error.what();
      char found[16];
      std::snprintf(found, sizeof found, "0x%08x", orrery::crc32c(data.bytes.data() + 1000, size));
      CHECK(message.find("0x12345678") != std::string::npos);
      CHECK(message.find(found) != std::string::npos);
      CHECK(error.key_path() == "params/w");
      CHECK(error.file() == data.scratch / "data");
      CHECK(error.offset() == 1000);
    }
    wanted.requests[1].crc32c.reset();
    read_scattered(data.file, wanted.requests);
  }
}

TEST_CASE("a request beyond the end is refused before anything is read") {
  const DataFile data(1000);
  Wanted wanted(data, {{0, 100}, {500, 500}});
  wanted.buffers[0].assign(100, '?');
  for (auto [offset, size] : {std::pair<std::uint64_t, std::size_t>{501, 500}, {UINT64_MAX, 2}, {0, SIZE_MAX}, {UINT64_MAX - 10, 500}}) {
    wanted.requests[1].offset = offset;
    wanted.requests[1].size = size;
    try {
      read_scattered(data.file, wanted.requests);
      FAIL("no error");
    } catch (const orrery::DataLossError& error) {
      CHECK(error.key_path() == "params/w");
      CHECK(error.offset() == offset);
    }
  }
  CHECK(wanted.buffers[0] == std::string(100, '?'));
}

TEST_CASE("no requests, and requests for nothing, read nothing") {
  const DataFile data(10);
  read_scattered(data.file, {});
  const ReadRequest nothing{10, 0, nullptr, {}, {}};
  read_scattered(data.file, {nothing});
}
