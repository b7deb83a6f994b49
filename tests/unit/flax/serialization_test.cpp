#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "guide_state.hpp"
#include "orrery/flax/serialization.hpp"

using namespace orrery;

namespace {
struct Fixed {
  std::int64_t step = 0;
  std::vector<bool> mask{};
  std::array<std::int32_t, 3> counts{};
};
}  // namespace

TEST_CASE("the guide's checkpoint is the 249 bytes that Flax writes, and comes back from them") {
  const std::string bytes = flax::to_bytes(guide::checkpoint());
  CHECK(bytes == guide::checkpoint_bytes());
  const guide::Checkpoint back = flax::from_bytes<guide::Checkpoint>(bytes);
  CHECK(back.model.step == 1);
  CHECK(back.model.params.kernel == guide::params().kernel);
  CHECK(back.data == std::vector{guide::x1()});
  CHECK(flax::to_bytes(flax::from_bytes(guide::Checkpoint{}, bytes)) == bytes);
}

TEST_CASE("the multiprocess writer's order of keys is msgpack_serialize of the state dict") {
  const std::string bytes = flax::msgpack_serialize(flax::to_state_dict(guide::checkpoint()));
  CHECK(bytes.size() == 249);
  CHECK(bytes.substr(0, 16) == guide::unhex("83 a6 63 6f 6e 66 69 67 81 aa 64 69 6d 65 6e 73"));
}

TEST_CASE("a raw restore gives the state dict, in the order of the file") {
  const Tree raw = flax::msgpack_restore(guide::checkpoint_bytes());
  CHECK(raw.keys() == std::vector<std::string>{"model", "config", "data"});
  CHECK(raw["model"]["step"].scalar<std::int64_t>() == 1);
  CHECK(raw["model"]["opt_state"]["0"] == Tree::dict());
  CHECK(raw == flax::to_state_dict(guide::checkpoint()));
}

TEST_CASE("a buffer is used again") {
  guide::Checkpoint ckpt = guide::checkpoint();
  std::string buffer(1000, 'x');
  const char* memory = buffer.data();
  flax::to_bytes(ckpt, buffer);
  CHECK(buffer == guide::checkpoint_bytes());
  CHECK(buffer.data() == memory);
}

TEST_CASE("values without elements to point at, and arrays of fixed size, come back too") {
  const std::string bytes = flax::to_bytes(Fixed{5, {true, false, true}, {1, 2, 3}});
  const Fixed back = flax::from_bytes<Fixed>(bytes);
  CHECK(back.mask == std::vector<bool>{true, false, true});
  CHECK(back.counts == std::array<std::int32_t, 3>{1, 2, 3});
}

TEST_CASE("bad bytes are a FormatError, bytes that do not fit say what Flax says") {
  const std::string bytes = guide::checkpoint_bytes();
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_THROWS_AS(flax::from_bytes<guide::Checkpoint>(std::string_view(bytes).substr(0, size)), FormatError);
  CHECK_THROWS_WITH_AS(flax::from_bytes(guide::TrainState{}, bytes),
                       doctest::Contains("Missing field step in state dict while restoring an instance of TrainState, at path ."),
                       KeyError);
}

TEST_CASE("whatever the bytes, there is a value or an error of ours") {
  const std::string bytes = guide::checkpoint_bytes();
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (unsigned flip : {0x01u, 0x08u, 0x80u, 0xffu}) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(static_cast<unsigned char>(damaged[at]) ^ flip);
      try {
        flax::from_bytes<guide::Checkpoint>(damaged);
        flax::from_bytes(guide::checkpoint(), damaged);
      } catch (const Error&) {
      }
    }
  }
}
