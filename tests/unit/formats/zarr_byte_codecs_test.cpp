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

std::string text(std::size_t size) {
  std::string out;
  for (unsigned i = 0; out.size() < size; ++i) out += std::to_string(i * 2654435761u % 1000);
  out.resize(size);
  return out;
}

constexpr Codec compressors[] = {Codec::zstd, Codec::gzip, Codec::zlib, Codec::blosc, Codec::bz2};

std::string compressed(Codec codec, const std::string& bytes) {
  std::string out(2 * bytes.size() + 1000, '\0');
  switch (codec) {
    case Codec::gzip:
    case Codec::zlib: {
      z_stream stream{};
      deflateInit2(&stream, 6, Z_DEFLATED, codec == Codec::gzip ? 16 + MAX_WBITS : MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
      stream.avail_in = static_cast<uInt>(bytes.size());
      stream.next_out = reinterpret_cast<Bytef*>(out.data());
      stream.avail_out = static_cast<uInt>(out.size());
      REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
      out.resize(stream.total_out);
      deflateEnd(&stream);
      return out;
    }
    case Codec::blosc: {
      const int size = ::blosc_compress_ctx(5, 1, 4, bytes.size(), bytes.data(), out.data(), out.size(), "lz4", 0, 1);
      REQUIRE(size > 0);
      out.resize(static_cast<std::size_t>(size));
      return out;
    }
    case Codec::bz2: {
      unsigned size = static_cast<unsigned>(out.size());
      REQUIRE(::BZ2_bzBuffToBuffCompress(out.data(), &size, const_cast<char*>(bytes.data()), static_cast<unsigned>(bytes.size()), 9, 0,
                                         0) == BZ_OK);
      out.resize(size);
      return out;
    }
    default: return zstd_compress(bytes, 1);
  }
}

std::string encoded(const std::vector<ByteCodec>& codecs, std::string bytes) {
  for (const ByteCodec& each : codecs) bytes = each.compresses() ? compressed(each.codec, bytes) : sealed(bytes);
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

TEST_CASE("compressors upon compressors are undone in their order, with checksums anywhere") {
  const std::string bytes = text(5000);
  for (const Codec first : compressors)
    for (const Codec second : compressors)
      for (const std::vector<ByteCodec>& chain : {std::vector<ByteCodec>{{first}, {second}},
                                                  {{Codec::crc32c}, {first}, {Codec::crc32c}, {second}, {Codec::crc32c}},
                                                  {{first}, {second}, {Codec::crc32c}, {Codec::crc32c}, {first}}}) {
        CAPTURE(name(first));
        CAPTURE(name(second));
        const std::string stored = encoded(chain, bytes);
        CHECK(decoded(chain, stored, bytes.size()) == bytes);
        for (const std::size_t size : {std::size_t{0}, bytes.size() - 1, bytes.size() + 1})
          CHECK_THROWS_AS(decoded(chain, stored, size), Error);
        for (std::size_t i = 0; i < stored.size(); i += 97) CHECK_THROWS_AS(decoded(chain, stored.substr(0, i), bytes.size()), Error);
      }
}

TEST_CASE("between two compressors no more comes out than one makes of the chunk") {
  const std::string bomb(8 << 20, '\0');
  for (const Codec first : compressors)
    for (const Codec second : compressors) {
      const std::vector<ByteCodec> chain{{first}, {second}};
      const std::string stored = compressed(second, bomb);
      CHECK_THROWS_WITH_AS(decoded(chain, stored, 1000), doctest::Contains(std::to_string(2 * 1000 + 65536).c_str()), FormatError);
    }
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
  // The most that bz2 can do: 45 MB of zeros are 50 bytes of it; and what gzip can do with what zstd did.
  codecs.bytes = {{Codec::bz2}};
  CHECK(zarr::is_plausible(codecs, {4}, 45000000, 50));
  CHECK(zarr::is_plausible(codecs, {4}, 459000000, 362));
  CHECK_FALSE(zarr::is_plausible(codecs, {4}, std::uint64_t{1} << 40, 1000));
  codecs.bytes = {{Codec::zstd}, {Codec::gzip}};
  CHECK(zarr::is_plausible(codecs, {4}, std::uint64_t{1} << 30, 100));
  CHECK(zarr::is_plausible(codecs, {4}, ~std::uint64_t{0} / 4, std::uint64_t{1} << 60));  // no product overflows
}
