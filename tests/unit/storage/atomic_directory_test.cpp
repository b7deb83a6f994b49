#include "orrery/storage/atomic_directory.hpp"

#include <doctest/doctest.h>

#include <string>

#include "scratch.hpp"

using namespace storage_test;
using namespace orrery::storage;
using orrery::Durability;

namespace {

void fill(const std::string& directory, const std::string& what) {
  write_file(directory + "/manifest", what + " manifest");
  make_directory(directory + "/d");
  write_file(directory + "/d/data", what + " data");
}

void save(const std::string& path, const std::string& what, AtomicDirectoryOptions options) {
  AtomicDirectory directory(path, options);
  fill(directory.path(), what);
  directory.commit();
}

// "old", "new", "absent", or a description of the mess.
std::string state_of(const std::string& path) {
  if (!exists(path)) return "absent";
  if (list_directory(path) != std::vector<std::string>{"d", "manifest"} || list_directory(path + "/d") != std::vector<std::string>{"data"})
    return "half of it";
  const std::string manifest = contents(path + "/manifest"), data = contents(path + "/d/data");
  const std::string what = manifest.substr(0, manifest.find(' '));
  return manifest == what + " manifest" && data == what + " data" ? what : manifest + " with " + data;
}

}  // namespace

TEST_CASE("a committed directory appears under its name, parents and all, and leaves nothing beside it") {
  ScratchDirectory scratch;
  for (Durability durability : {Durability::fast, Durability::synced}) {
    const std::string path = scratch / (durability == Durability::fast ? "run/a/7" : "run/b/7/");
    AtomicDirectory directory(path, {.durability = durability});
    CHECK(directory.path() == directory.final_path() + ".orbax-checkpoint-tmp-orrery");
    fill(directory.path(), "new");
    CHECK_FALSE(exists(path));
    directory.commit();
    CHECK(state_of(path) == "new");
    CHECK(list_directory(parent_directory(path)) == std::vector<std::string>{"7"});
    CHECK_THROWS_AS(directory.commit(), orrery::ArgumentError);
  }
}

TEST_CASE("without commit nothing remains, and a leftover of an earlier save is not mixed in") {
  ScratchDirectory scratch;
  { AtomicDirectory directory(scratch / "7"); fill(directory.path(), "new"); }
  CHECK(list_directory(scratch.path()).empty());
  make_directories(scratch / "7.orbax-checkpoint-tmp-orrery/stale");
  write_file(scratch / "7.orbax-checkpoint-tmp-orrery/stale/file", "x");
  save(scratch / "7", "new", {});
  CHECK(state_of(scratch / "7") == "new");
}

TEST_CASE("what exists is replaced only with force, and the refusal speaks as Orbax does") {
  ScratchDirectory scratch;
  const std::string path = scratch / "7";
  save(path, "old", {});
  try {
    save(path, "new", {});
    FAIL("no error");
  } catch (const orrery::AlreadyExistsError& error) {
    CHECK(std::string(error.what()).starts_with("Destination " + path + " already exists."));
  }
  CHECK(state_of(path) == "old");
  save(path, "new", {.force = true});
  CHECK(state_of(path) == "new");
  CHECK(list_directory(scratch.path()) == std::vector<std::string>{"7"});
}

TEST_CASE("a directory that appears while one is written is not overwritten without force") {
  ScratchDirectory scratch;
  AtomicDirectory late(scratch / "7");
  fill(late.path(), "new");
  make_directory(scratch / "7");
  CHECK_THROWS_AS(late.commit(), orrery::AlreadyExistsError);
}

TEST_CASE("a path that names nothing is refused") {
  CHECK_THROWS_AS(AtomicDirectory(""), orrery::ArgumentError);
  CHECK_THROWS_AS(AtomicDirectory("//"), orrery::ArgumentError);
}

TEST_CASE("a synced commit flushes every file, every directory and every parent it made; a fast one flushes nothing") {
  ScratchDirectory scratch;
  TestHook synced, fast;
  {
    ScopedFileSystemHook installed(synced);
    save(scratch / "a/b/7", "new", {});
  }
  CHECK(synced.count(FileOperation::sync) == 2);
  CHECK(synced.count(FileOperation::sync_directory) == 2 + 3);  // itself and d; then b, a and the scratch directory
  {
    ScopedFileSystemHook installed(fast);
    save(scratch / "a/b/8", "new", {.durability = Durability::fast});
  }
  CHECK(fast.count(FileOperation::sync) + fast.count(FileOperation::sync_directory) + fast.count(FileOperation::writeback) == 0);
  CHECK(fast.count(FileOperation::list) == 0);
  CHECK(fast.seen.size() == 11);  // two looks, two mkdir, two files of three calls, one rename
}

TEST_CASE("what is replaced stays until the new name is on the disk") {
  ScratchDirectory scratch;
  for (const bool no_exchange : {false, true}) {
    save(scratch / "7", "old", {.force = true, .durability = Durability::fast});
    TestHook hook;
    hook.no_exchange = no_exchange;
    {
      ScopedFileSystemHook installed(hook);
      save(scratch / "7", "new", {.force = true});
    }
    std::size_t flushed = 0, removed = 0;
    for (std::size_t i = 0; i < hook.seen.size(); ++i) {
      if (hook.seen[i].operation == FileOperation::sync_directory && hook.seen[i].path == scratch.path()) flushed = i;
      if (hook.seen[i].operation == FileOperation::remove_file && removed == 0) removed = i;
    }
    CHECK(flushed > 0);
    CHECK(removed > flushed);
    CHECK(list_directory(scratch.path()) == std::vector<std::string>{"7"});
  }
}

TEST_CASE("a save that fails or dies at any single call leaves the old checkpoint or the new one, never a mixture") {
  for (const bool dies : {false, true})
    for (const bool replaces : {false, true})
      for (const bool no_exchange : {false, true})
        for (const Durability durability : {Durability::fast, Durability::synced}) {
          CAPTURE(dies);
          CAPTURE(replaces);
          CAPTURE(no_exchange);
          bool saw_old = false, saw_new = false;
          for (std::size_t call = 0;; ++call) {
            CAPTURE(call);
            ScratchDirectory scratch;
            const std::string path = scratch / "run/7";
            if (replaces) save(path, "old", {.durability = Durability::fast});
            TestHook hook;
            hook.fail_at = call;
            hook.cut = dies;
            hook.no_exchange = no_exchange;
            bool threw = false;
            {
              ScopedFileSystemHook installed(hook);
              try {
                save(path, "new", {.force = true, .durability = durability});
              } catch (const orrery::IoError&) {
                threw = true;
              }
            }
            recover(path);
            const std::string state = state_of(path);
            const std::string before = replaces ? "old" : "absent";
            REQUIRE((state == "new" || state == before));
            if (!threw) CHECK(state == "new");
            if (threw && state == "new") CHECK(hook.seen[call].operation == FileOperation::sync_directory);
            (state == "new" ? saw_new : saw_old) = true;
            save(path, "next", {.force = true, .durability = Durability::fast});
            CHECK(state_of(path) == "next");
            CHECK(list_directory(scratch / "run") == std::vector<std::string>{"7"});
            if (!hook.failed) break;
          }
          CHECK(saw_old);
          CHECK(saw_new);
        }
}

TEST_CASE("the next save puts back what a dead one had set aside, before it does anything else") {
  ScratchDirectory scratch;
  const std::string path = scratch / "7", aside = path + ".orbax-checkpoint-tmp-old";
  save(aside, "old", {});
  CHECK_THROWS_AS(AtomicDirectory(path, {}), orrery::AlreadyExistsError);
  CHECK(state_of(path) == "old");
  rename(path, aside);
  { AtomicDirectory unfinished(path, {.force = true}); }
  CHECK(state_of(path) == "old");
  save(aside, "older", {});
  CHECK_FALSE(recover(path));
  CHECK(state_of(path) == "old");
  CHECK_FALSE(exists(aside));
}
