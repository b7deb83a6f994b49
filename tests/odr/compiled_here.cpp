// Compiled from the headers alone, into a program of which the other unit takes the library's functions from orrery::compiled.
#ifdef ORRERY_COMPILED
#error "this unit is to be compiled without orrery::compiled"
#endif
#include "state.hpp"

std::string bytes_of_here(const State& state) { return bytes_of(state); }
void save_here(const std::string& path, const State& state) { save(path, state); }
std::string restored_here(const std::string& path) { return restored(path); }
