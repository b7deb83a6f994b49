#include "orrery/formats/zarr/byte_codecs.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace orrery;
using zarr::ByteCodec;
using zarr::Codec;

namespace {

const Where file{.key_path = "w", .file = "d/data", .offset = 7};

std::string sealed(std::string bytes) {
  ByteWriter(bytes).u32le(crc32c(bytes.data(), bytes.size()));
  return bytes;
}

std::string encoded(const std::vector<ByteCodec>& codecs, std::string bytes) {
  for (const ByteCodec& each : codecs) bytes = each.codec == Codec::crc32c ? sealed(bytes) : zstd_compress(bytes, 1);
  return bytes;
}

std::string decoded(const std::vector<ByteCodec>& codecs, std::string_view stored, std::size_t size) {
  std::string out(size, 'x');
  zarr::decode_bytes(codecs, stored, out.data(), size, file);
  return out;
}

const std::vector<std::vector<ByteCodec>> chains{{},
                                                 {{Codec::crc32c}},
                                                 {{Codec::crc32c}, {Codec::crc32c}},
                                                 {{Codec::zstd}},
                                                 {{Codec::zstd}, {Codec::crc32c}},
                                                 {{Codec::crc32c}, {Codec::zstd}},
                                                 {{Codec::crc32c}, {Codec::crc32c}, {Codec::zstd}, {Codec::crc32c}, {Codec::crc32c}}};

}  // namespace

TEST_CASE("bytes come back through checksums before and behind a compressor") {
  const std::string bytes(1000, 'o');
  for (const auto& chain : chains) CHECK(decoded(chain, encoded(chain, bytes), bytes.size()) == bytes);
}

TEST_CASE("any changed byte of what has a checksum is data loss or a broken frame, with the place named") {
  const std::string bytes = "some bytes, not many";
  for (const auto& chain : chains) {
    if (chain.empty() || chain == std::vector<ByteCodec>{{Codec::zstd}}) continue;
    const std::string stored = encoded(chain, bytes);
    for (std::size_t i = 0; i < stored.size(); ++i) {
      std::string damaged = stored;
      damaged[i] ^= 16;
      try {
        const std::string got = decoded(chain, damaged, bytes.size());
        CHECK(got == bytes);  // a bit of the frame's header that means nothing
      } catch (const Error& error) {
        CHECK(error.file() == "d/data");
        CHECK((chain.back().codec != Codec::crc32c || dynamic_cast<const DataLossError*>(&error)));
      }
    }
  }
}

TEST_CASE("lengths other than the chunk's are refused in both directions") {
  const std::string bytes(100, 'o');
  for (const auto& chain : chains) {
    const std::string stored = encoded(chain, bytes);
    for (const std::size_t size : {99u, 101u}) CHECK_THROWS_AS(decoded(chain, stored, size), Error);
    CHECK_THROWS_AS(decoded(chain, stored + "x", 100), Error);
    CHECK_THROWS_AS(decoded(chain, stored.substr(0, stored.size() - 1), 100), Error);
    CHECK_THROWS_AS(decoded(chain, "", 100), Error);
  }
  CHECK_THROWS_AS(zarr::plain_elements(chains[1], "abc", 0, file), DataLossError);
}

TEST_CASE("plain elements are given where they lie") {
  const std::string stored = sealed(sealed("elements"));
  const std::string_view found = zarr::plain_elements(chains[2], stored, 8, file);
  CHECK(found == "elements");
  CHECK(found.data() == stored.data());
}

TEST_CASE("bz2 is refused by name") {
  const std::vector<ByteCodec> chain{{Codec::bz2}};
  CHECK_THROWS_WITH_AS(decoded(chain, "BZh9", 4), doctest::Contains("unsupported compressor 'bz2'"), FormatError);
  zarr::CodecChain codecs;
  codecs.bytes = chain;
  CHECK_THROWS_AS(zarr::check_decodable(codecs, file), FormatError);
}

TEST_CASE("plain chunks have one size, compressed ones are believed as far as zstd goes") {
  zarr::CodecChain codecs;
  CHECK(zarr::is_plausible(codecs, {4}, 16, 16));
  CHECK_FALSE(zarr::is_plausible(codecs, {4}, 16, 17));
  codecs.bytes = {{Codec::crc32c}};
  CHECK(zarr::is_plausible(codecs, {4}, 16, 20));
  CHECK_FALSE(zarr::is_plausible(codecs, {4}, 16, 3));
  codecs.bytes = {{Codec::gzip}};
  CHECK(zarr::is_plausible(codecs, {4}, 16, 3));
  CHECK_FALSE(zarr::is_plausible(codecs, {4}, std::uint64_t{1} << 40, 1000));
}
