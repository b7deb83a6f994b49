#include "orrery/storage/file.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "scratch.hpp"

using namespace storage_test;
using orrery::storage::File;
using orrery::storage::FileOperation;
using orrery::storage::ScopedFileSystemHook;

TEST_CASE("what is written at offsets is read back from them") {
  ScratchDirectory scratch;
  File file = File::create(scratch / "a");
  file.pwrite_all("world", 5, 6);
  file.pwrite_all("hello ", 6, 0);
  CHECK(file.size() == 11);
  std::string back(11, '?');
  file.pread_exactly(0, back.data(), back.size());
  CHECK(back == "hello world");
  file.sync_data();
  file.close();
  CHECK_FALSE(file.is_open());
  file.close();
}

TEST_CASE("opening what is not there is a NotFoundError that names it; a pipe does not hang") {
  ScratchDirectory scratch;
  try {
    File::open(scratch / "absent");
    FAIL("no error");
  } catch (const orrery::NotFoundError& error) {
    CHECK(error.file() == scratch / "absent");
  }
  REQUIRE(::mkfifo((scratch / "pipe").c_str(), 0600) == 0);
  char byte = 0;
  CHECK_THROWS_AS(File::open(scratch / "pipe").pread_exactly(0, &byte, 1), orrery::IoError);
  CHECK_THROWS_AS(orrery::storage::read_file(scratch.path(), 10'000'000), orrery::IoError);
}

TEST_CASE("create refuses a name that is taken, create_or_truncate empties it") {
  ScratchDirectory scratch;
  orrery::storage::write_file(scratch / "a", "old contents");
  CHECK_THROWS_AS(File::create(scratch / "a"), orrery::AlreadyExistsError);
  CHECK(contents(scratch / "a") == "old contents");
  File::create_or_truncate(scratch / "a").close();
  CHECK(contents(scratch / "a").empty());
}

TEST_CASE("a file that ends early is data loss at the place where it ends") {
  ScratchDirectory scratch;
  orrery::storage::write_file(scratch / "a", "0123456789");
  const File file = File::open(scratch / "a");
  char buffer[8];
  try {
    file.pread_exactly(4, buffer, 8);
    FAIL("no error");
  } catch (const orrery::DataLossError& error) {
    CHECK(error.file() == scratch / "a");
    CHECK(error.offset() == 10);
    CHECK(std::string(error.what()).find("2 more bytes") != std::string::npos);
  }
}

TEST_CASE("no write call is larger than 1 MiB, and calls end on multiples of it") {
  ScratchDirectory scratch;
  std::vector<char> data((std::size_t{3} << 20) + 123, 'x');
  TestHook hook;
  {
    ScopedFileSystemHook installed(hook);
    File file = File::create(scratch / "a");
    file.pwrite_all(data.data(), data.size(), 1000);
    file.close();
  }
  CHECK(hook.count(FileOperation::write) == 4);
  CHECK(hook.largest(FileOperation::write) == File::largest_write);
  CHECK(contents(scratch / "a").size() == data.size() + 1000);
}

TEST_CASE("short reads and writes are carried on with, whatever the list looks like") {
  ScratchDirectory scratch;
  std::string letters;
  for (int i = 0; i < 5000; ++i) letters += static_cast<char>('a' + i * 7 % 26);
  const auto list_over = [](std::string& text) {
    std::vector<::iovec> list;
    for (std::size_t at = 0, i = 0; at < text.size(); ++i) {
      const std::size_t size = std::min(text.size() - at, i % 5);
      list.push_back({text.data() + at, size});
      at += size;
    }
    return list;
  };
  for (std::size_t most : {std::size_t{1}, std::size_t{3}, std::size_t{64}, SIZE_MAX}) {
    TestHook hook;
    hook.most_bytes = most;
    ScopedFileSystemHook installed(hook);
    File file = File::create_or_truncate(scratch / "a");
    std::vector<::iovec> list = list_over(letters);
    REQUIRE(list.size() > 2000);
    file.pwritev_all(list, 3);
    std::string back(letters.size(), '?');
    list = list_over(back);
    file.preadv_exactly(list, 3);
    CHECK(back == letters);
  }
}

TEST_CASE("every failing call is reported with its code, its file and where it was") {
  ScratchDirectory scratch;
  File file = File::create(scratch / "a");
  const auto code_of = [&](auto&& work) {
    TestHook hook;
    hook.fail_at = 0;
    hook.code = ENOSPC;
    ScopedFileSystemHook installed(hook);
    try {
      work();
    } catch (const orrery::IoError& error) {
      CHECK(error.file() == scratch / "a");
      return error.code();
    }
    return 0;
  };
  char byte = 0;
  CHECK(code_of([&] { file.pwrite_all("x", 1, 0); }) == ENOSPC);
  CHECK(code_of([&] { file.pread_exactly(0, &byte, 1); }) == ENOSPC);
  CHECK(code_of([&] { file.allocate(100); }) == ENOSPC);
  CHECK(code_of([&] { file.sync_data(); }) == ENOSPC);
  CHECK(code_of([&] { (void)file.size(); }) == ENOSPC);
  CHECK(code_of([&] { file.start_writeback(0, 1); }) == 0);
  CHECK(code_of([&] { file.close(); }) == ENOSPC);
  CHECK_FALSE(file.is_open());
}

TEST_CASE("reserving space leaves the size alone") {
  ScratchDirectory scratch;
  File file = File::create(scratch / "a");
  file.allocate(1 << 20);
  CHECK(file.size() == 0);
}

TEST_CASE("a small file that is too large is refused before it is read") {
  ScratchDirectory scratch;
  orrery::storage::write_file(scratch / "a", "0123456789", orrery::Durability::synced);
  CHECK(orrery::storage::read_file(scratch / "a", 10) == "0123456789");
  CHECK_THROWS_AS(orrery::storage::read_file(scratch / "a", 9), orrery::FormatError);
}

TEST_CASE("hooks nest") {
  ScratchDirectory scratch;
  TestHook outer, inner;
  {
    ScopedFileSystemHook one(outer);
    { ScopedFileSystemHook two(inner); orrery::storage::write_file(scratch / "a", "x"); }
    CHECK(outer.seen.empty());
    orrery::storage::write_file(scratch / "b", "x");
  }
  orrery::storage::write_file(scratch / "c", "x");
  CHECK(inner.seen.size() == 3);  // create, write, close: a small file costs no more
  CHECK(outer.seen.size() == 3);
}
