#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <new>
#include <utility>

#include "orrery/core/memory.hpp"

using namespace orrery;

TEST_CASE("memory is aligned, zero where asked for, and survives moves at every size") {
  for (std::size_t size : {std::size_t{1}, std::size_t{1000}, Memory::large - 1, Memory::large, Memory::large + 70001}) {
    Memory memory = Memory::zeros(size);
    CHECK(reinterpret_cast<std::uintptr_t>(memory.data()) % (size >= Memory::large ? Memory::huge_page : Memory::alignment) == 0);
    CHECK(memory.data()[0] == std::byte{0});
    CHECK(memory.data()[size - 1] == std::byte{0});
    std::memset(memory.data(), 1, size);
    const std::byte* where = memory.data();
    Memory moved = std::move(memory);
    CHECK(memory.data() == nullptr);
    CHECK(moved.data() == where);
    moved = Memory::uninitialized(size);
    std::memset(moved.data(), 2, size);
  }
  CHECK(Memory::zeros(0).data() == nullptr);
  CHECK_THROWS_AS(Memory::zeros(~std::size_t{0} / 2), std::bad_alloc);
}
