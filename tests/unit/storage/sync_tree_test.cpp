#include "orrery/storage/sync_tree.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include "scratch.hpp"

using namespace storage_test;
using namespace orrery::storage;

TEST_CASE("flushing a tree flushes every file and every directory once") {
  ScratchDirectory scratch;
  make_directories(scratch / "t/a/b");
  write_file(scratch / "t/a/b/1", "x");
  for (int i = 0; i < 60; ++i) write_file(scratch / ("t/a/f" + std::to_string(i)), "x");
  TestHook hook;
  {
    ScopedFileSystemHook installed(hook);
    sync_tree(scratch / "t");
  }
  CHECK(hook.count(FileOperation::sync) == 61);
  std::vector<std::string> directories;
  for (const auto& seen : hook.seen)
    if (seen.operation == FileOperation::sync_directory) directories.push_back(seen.path);
  std::sort(directories.begin(), directories.end());  // they are flushed at the same time
  CHECK(directories == std::vector<std::string>{scratch / "t", scratch / "t/a", scratch / "t/a/b"});
}

TEST_CASE("a tree of many files is flushed with its file system at once where that does as much, else file by file") {
  ScratchDirectory scratch;
  make_directories(scratch / "t/a");
  for (int i = 0; i < 70; ++i) write_file(scratch / ("t/a/f" + std::to_string(i)), "x");
  TestHook hook;
  {
    ScopedFileSystemHook installed(hook);
    sync_tree(scratch / "t");
  }
  CHECK(hook.count(FileOperation::sync_file_system) == 1);
  const bool at_once = hook.count(FileOperation::sync) == 0;
  CHECK(hook.count(FileOperation::sync_directory) == (at_once ? 0 : 2));
  if (!at_once) CHECK(hook.count(FileOperation::sync) == 70);
  struct Failing final : orrery::storage::FileSystemHook {
    int before(orrery::storage::FileCall& call) noexcept override { return call.operation == FileOperation::sync_file_system ? EIO : 0; }
  } failing;
  ScopedFileSystemHook installed(failing);
  CHECK_THROWS_AS(sync_tree(scratch / "t"), orrery::IoError);
}

TEST_CASE("a file that cannot be flushed is an error of the tree") {
  ScratchDirectory scratch;
  make_directories(scratch / "t");
  for (int i = 0; i < 5; ++i) write_file(scratch / ("t/f" + std::to_string(i)), "x");
  struct Failing final : orrery::storage::FileSystemHook {
    int before(orrery::storage::FileCall& call) noexcept override {
      return call.operation == FileOperation::sync && std::string_view(call.path).ends_with("f3") ? EIO : 0;
    }
  } failing;
  ScopedFileSystemHook installed(failing);
  CHECK_THROWS_WITH_AS(sync_tree(scratch / "t"), doctest::Contains("t/f3"), orrery::IoError);
}
