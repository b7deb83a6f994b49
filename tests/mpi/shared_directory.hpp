// A directory that all ranks of a test see: rank 0 makes it, and removes it when all are done with it.
#pragma once

#include <chrono>
#include <cstdlib>
#include <string>

#include "orrery/adapters/mpi.hpp"
#include "orrery/storage/file_system.hpp"

namespace mpi_test {

class SharedDirectory {
 public:
  explicit SharedDirectory(const orrery::mpi::Communicator& world) : world_(world) {
    std::string path;
    if (world.rank() == 0) {
      const char* where = std::getenv("TMPDIR");
      path = std::string(where ? where : "/tmp") + "/orrery-mpi-XXXXXX";
      if (!::mkdtemp(path.data())) std::abort();
    }
    path_ = world.coordinator()->broadcast(path, "the directory of a test", soon());
  }
  SharedDirectory(const SharedDirectory&) = delete;
  SharedDirectory& operator=(const SharedDirectory&) = delete;
  ~SharedDirectory() {
    world_.coordinator()->barrier("the end of a test", soon());
    if (world_.rank() == 0) orrery::storage::remove_tree(path_);
  }

  const std::string& path() const noexcept { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  static orrery::Deadline soon() { return orrery::deadline_in(std::chrono::minutes(2)); }

  orrery::mpi::Communicator world_;
  std::string path_;
};

}  // namespace mpi_test
