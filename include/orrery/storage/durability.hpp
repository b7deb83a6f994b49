// How much a save promises once it has returned. Which calls keep the promise is known to atomic_directory.hpp and atomic_file.hpp.
#pragma once

namespace orrery::inline v0 {

enum class Durability {
  synced,  // data, directories and names are on the disk: a power failure loses nothing that was listed
  fast,    // all is in the page cache and appears under its name at once: survives the process, not the machine
};

}  // namespace orrery::inline v0
