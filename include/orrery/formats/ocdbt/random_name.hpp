// Names that nobody else draws: data files and databases are told apart by 128 random bits, as in TensorStore.
#pragma once

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"

namespace orrery::inline v0::ocdbt {

// From the system's random source; IoError if that fails.
template <OnUse = OnUse()>
inline std::array<std::uint8_t, 16> random_uuid() {
  std::array<std::uint8_t, 16> uuid{};
  for (std::size_t got = 0; got < uuid.size();) {
    const ssize_t count = ::getrandom(uuid.data() + got, uuid.size() - got, 0);
    if (count >= 0)
      got += static_cast<std::size_t>(count);
    else if (errno != EINTR)
      throw IoError("the system's random source failed", errno);
  }
  return uuid;
}

// 32 lowercase hex digits, as TensorStore names data files: "d/" + random_hex_name().
template <OnUse = OnUse()>
inline std::string random_hex_name() {
  std::string name;
  for (const std::uint8_t byte : random_uuid()) {
    name += "0123456789abcdef"[byte >> 4];
    name += "0123456789abcdef"[byte & 15];
  }
  return name;
}

}  // namespace orrery::inline v0::ocdbt
