#include "orrery/storage/file_system.hpp"

#include <doctest/doctest.h>

#include "scratch.hpp"

using namespace storage_test;
using namespace orrery::storage;

TEST_CASE("the parent of a path is what stands before its last name") {
  CHECK(parent_directory("a/b/c") == "a/b");
  CHECK(parent_directory("a/b/c//") == "a/b");
  CHECK(parent_directory("a//b") == "a");
  CHECK(parent_directory("c") == ".");
  CHECK(parent_directory("/c") == "/");
  CHECK(parent_directory("/") == "/");
}

TEST_CASE("directories are made with their parents, and counted") {
  ScratchDirectory scratch;
  CHECK(make_directories(scratch / "a/b/c") == 3);
  CHECK(make_directories(scratch / "a/b/c") == 0);
  CHECK(make_directories(scratch / "a/b/d/") == 1);
  CHECK(is_directory(scratch / "a/b/c"));
  CHECK_THROWS_AS(make_directory(scratch / "a"), orrery::AlreadyExistsError);
  write_file(scratch / "file", "");
  CHECK_THROWS_AS(make_directories(scratch / "file"), orrery::AlreadyExistsError);
  CHECK_THROWS_AS(make_directories(scratch / "file/x"), orrery::IoError);
  CHECK_THROWS_AS(make_directories(""), orrery::IoError);
}

TEST_CASE("listings are sorted and know files, directories and links") {
  ScratchDirectory scratch;
  write_file(scratch / "b", "");
  make_directory(scratch / "a");
  REQUIRE(::symlink("a", (scratch / "c").c_str()) == 0);
  CHECK(list_directory(scratch.path()) == std::vector<std::string>{"a", "b", "c"});
  const auto entries = list_entries(scratch.path());
  CHECK(entries[0].kind == FileKind::directory);
  CHECK(entries[1].kind == FileKind::file);
  CHECK(entries[2].kind == FileKind::link);
  CHECK(is_directory(scratch / "c"));
  CHECK_FALSE(is_directory(scratch / "b"));
  CHECK_THROWS_AS(list_directory(scratch / "absent"), orrery::NotFoundError);
}

TEST_CASE("the size of a file is found by its name, also behind a link, and nothing where there is no file") {
  ScratchDirectory scratch;
  write_file(scratch / "file", "seven..");
  REQUIRE(::symlink("file", (scratch / "link").c_str()) == 0);
  REQUIRE(::symlink("nowhere", (scratch / "dangling").c_str()) == 0);
  CHECK(find_size(scratch / "file") == 7);
  CHECK(find_size(scratch / "link") == 7);
  CHECK_FALSE(find_size(scratch / "none"));
  CHECK_FALSE(find_size(scratch / "dangling"));
  CHECK_FALSE(find_size(scratch / "file/below"));
  CHECK_THROWS_AS(find_size(scratch / std::string(300, 'n')), orrery::IoError);
}

TEST_CASE("removing a tree takes what is in it and never what its links point to") {
  ScratchDirectory scratch;
  make_directories(scratch / "keep");
  write_file(scratch / "keep/file", "precious");
  make_directories(scratch / "tree/deep/er");
  write_file(scratch / "tree/deep/er/file", "x");
  REQUIRE(::symlink("../keep", (scratch / "tree/link").c_str()) == 0);
  REQUIRE(::symlink("keep", (scratch / "link").c_str()) == 0);
  remove_tree(scratch / "tree");
  remove_tree(scratch / "link");
  remove_tree(scratch / "absent");
  remove_file(scratch / "absent");
  CHECK(list_directory(scratch.path()) == std::vector<std::string>{"keep"});
  CHECK(contents(scratch / "keep/file") == "precious");
  remove_tree(scratch / "keep/file");
  CHECK(list_directory(scratch / "keep").empty());
}

TEST_CASE("renaming to a new name refuses one that is taken, also where the kernel cannot promise that") {
  ScratchDirectory scratch;
  make_directory(scratch / "a");
  make_directory(scratch / "taken");
  TestHook hook;
  hook.code = EINVAL;
  for (std::size_t fail_at : {SIZE_MAX, std::size_t{0}}) {
    hook.seen.clear();
    hook.fail_at = fail_at;
    ScopedFileSystemHook installed(hook);
    CHECK_THROWS_AS(rename_to_new(scratch / "a", scratch / "taken"), orrery::AlreadyExistsError);
    hook.seen.clear();
    rename_to_new(scratch / "a", scratch / "b");
    rename(scratch / "b", scratch / "a");
  }
  CHECK_THROWS_AS(rename(scratch / "absent", scratch / "b"), orrery::IoError);
}

TEST_CASE("two names are exchanged in one step, or it is said that they cannot be") {
  ScratchDirectory scratch;
  write_file(scratch / "a", "1");
  write_file(scratch / "b", "2");
  TestHook hook;
  hook.no_exchange = true;
  {
    ScopedFileSystemHook installed(hook);
    CHECK_FALSE(exchange(scratch / "a", scratch / "b"));
  }
  CHECK(contents(scratch / "a") == "1");
  if (exchange(scratch / "a", scratch / "b")) CHECK(contents(scratch / "a") == "2");
  CHECK_THROWS_AS(exchange(scratch / "a", scratch / "absent"), orrery::IoError);
}
