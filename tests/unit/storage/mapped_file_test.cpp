#include "orrery/storage/mapped_file.hpp"

#include <doctest/doctest.h>

#include "scratch.hpp"

using namespace storage_test;
using namespace orrery::storage;

TEST_CASE("a mapped file shows what is in it, and goes on doing so when it is moved or replaced") {
  ScratchDirectory scratch;
  write_file(scratch / "a", "hello");
  write_file(scratch / "b", "other");
  MappedFile map = MappedFile::open(scratch / "a");
  const std::byte* at = map.data();
  rename(scratch / "b", scratch / "a");
  MappedFile moved = std::move(map);
  CHECK(moved.data() == at);
  CHECK(moved.path() == scratch / "a");
  CHECK(std::string(reinterpret_cast<const char*>(moved.data()), moved.size()) == "hello");
  moved = MappedFile::open(scratch / "a");
  CHECK(std::string(reinterpret_cast<const char*>(moved.data()), moved.size()) == "other");
}

TEST_CASE("an empty file maps to nothing, an absent one is not found, and a failing map says so") {
  ScratchDirectory scratch;
  write_file(scratch / "empty", "");
  CHECK(MappedFile::open(scratch / "empty").bytes().empty());
  CHECK_THROWS_AS(MappedFile::open(scratch / "absent"), orrery::NotFoundError);
  write_file(scratch / "a", "x");
  TestHook hook;
  hook.fail_at = 2;  // open, size, map
  ScopedFileSystemHook installed(hook);
  CHECK_THROWS_AS(MappedFile::open(scratch / "a"), orrery::IoError);
}
