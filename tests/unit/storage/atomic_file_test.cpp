#include "orrery/storage/atomic_file.hpp"

#include <doctest/doctest.h>

#include <string>

#include "scratch.hpp"

using namespace storage_test;
using namespace orrery::storage;
using orrery::Durability;

TEST_CASE("a file appears complete under its name, made by bytes or by a function") {
  ScratchDirectory scratch;
  write_file_atomically(scratch / "x/y/a", std::string_view("one"));
  CHECK(contents(scratch / "x/y/a") == "one");
  write_file_atomically(scratch / "x/y/a", [](File& file) { file.pwrite_all("two", 3, 0); }, {.durability = Durability::fast});
  CHECK(contents(scratch / "x/y/a") == "two");
  CHECK(list_directory(scratch / "x/y") == std::vector<std::string>{"a"});
}

TEST_CASE("the temporary name is the caller's, and what an earlier save left there is not mixed in") {
  ScratchDirectory scratch;
  write_file(scratch / "checkpoint_tmp", "a long leftover");
  AtomicFile target(scratch / "checkpoint_5", {.temporary_path = scratch / "checkpoint_tmp", .durability = Durability::fast});
  target.file().pwrite_all("new", 3, 0);
  CHECK(contents(scratch / "checkpoint_tmp") == "new");
  CHECK_FALSE(exists(scratch / "checkpoint_5"));
  target.commit();
  CHECK(contents(scratch / "checkpoint_5") == "new");
  CHECK_FALSE(exists(scratch / "checkpoint_tmp"));
}

TEST_CASE("without overwrite a name that is taken is refused, at the start and at the end") {
  ScratchDirectory scratch;
  write_file(scratch / "a", "old");
  CHECK_THROWS_AS(write_file_atomically(scratch / "a", std::string_view("new"), {.overwrite = false}), orrery::AlreadyExistsError);
  AtomicFile late(scratch / "b", {.overwrite = false});
  write_file(scratch / "b", "quicker");
  CHECK_THROWS_AS(late.commit(), orrery::AlreadyExistsError);
  CHECK(contents(scratch / "a") == "old");
  CHECK(contents(scratch / "b") == "quicker");
}

TEST_CASE("a save that fails or dies at any single call leaves the old file or the new one") {
  for (const bool dies : {false, true})
    for (const Durability durability : {Durability::fast, Durability::synced})
      for (std::size_t call = 0;; ++call) {
        CAPTURE(call);
        ScratchDirectory scratch;
        write_file(scratch / "a", "old");
        TestHook hook;
        hook.fail_at = call;
        hook.cut = dies;
        bool threw = false;
        {
          ScopedFileSystemHook installed(hook);
          try {
            write_file_atomically(scratch / "a", std::string_view("new"), {.durability = durability});
          } catch (const orrery::IoError&) {
            threw = true;
          }
        }
        const std::string state = contents(scratch / "a");
        REQUIRE((state == "old" || state == "new"));
        if (!threw) CHECK(state == "new");
        if (threw && state == "new") CHECK(hook.seen[call].operation == FileOperation::sync_directory);
        if (!dies) CHECK(list_directory(scratch.path()) == std::vector<std::string>{"a"});
        if (!hook.failed) {
          CHECK(hook.seen.size() == (durability == Durability::fast ? 4u : 6u));  // create, write, close, rename; and two flushes
          break;
        }
      }
}
