// compiled_elsewhere DIRECTORY: a unit of orrery::compiled and one without write the same bytes, and restore each other's.
#include <cstdio>

#include "state.hpp"
#ifndef ORRERY_COMPILED
#error "this unit is to be compiled with orrery::compiled"
#endif

std::string bytes_of_here(const State&);
void save_here(const std::string&, const State&);
std::string restored_here(const std::string&);

int main(int, char** argv) {
  const State state;
  const std::string directory = argv[1], bytes = bytes_of(state);
  save(directory + "/elsewhere", state);
  save_here(directory + "/here", state);
  const bool is_same =
      bytes == bytes_of_here(state) && restored(directory + "/here") == bytes && restored_here(directory + "/elsewhere") == bytes;
  std::puts(is_same ? "the same" : "different");
  return is_same ? 0 : 1;
}
