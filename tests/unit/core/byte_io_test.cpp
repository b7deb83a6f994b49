#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "orrery/core/byte_io.hpp"

using namespace orrery;
using namespace std::string_literals;

TEST_CASE("integers come out in the byte order asked for") {
  const std::string data = "\x01\x02\x03\x04\x05\x06\x07\x08"s;
  CHECK(ByteReader(data).u16le() == 0x0201);
  CHECK(ByteReader(data).u16be() == 0x0102);
  CHECK(ByteReader(data).u32le() == 0x04030201u);
  CHECK(ByteReader(data).u32be() == 0x01020304u);
  CHECK(ByteReader(data).u64le() == 0x0807060504030201u);
  CHECK(ByteReader(data).u64be() == 0x0102030405060708u);
}

TEST_CASE("a reader keeps its place and hands out runs of bytes") {
  const std::string data = "abcdefgh";
  ByteReader reader(data, "f", 100);
  CHECK(reader.u8() == 'a');
  CHECK(reader.text(2) == "bc");
  reader.skip(1);
  CHECK(reader.position() == 4);
  CHECK(reader.remaining() == 4);
  CHECK(reader.offset() == 104);
  ByteReader inner = reader.sub(3);
  CHECK(inner.offset() == 104);
  CHECK(inner.bytes(3).size() == 3);
  CHECK(inner.at_end());
  CHECK_THROWS_AS(reader.expect_end("the header"), FormatError);
  CHECK(reader.u8() == 'h');
  CHECK_NOTHROW(reader.expect_end("the header"));
}

TEST_CASE("data that ends early is an error with file and offset, and moves nothing") {
  const std::string data = "abc";
  ByteReader reader(data, "dir/manifest", 40);
  reader.skip(1);
  try {
    reader.u32le();
    FAIL("no error");
  } catch (const FormatError& error) {
    CHECK(error.file() == "dir/manifest");
    CHECK(error.offset() == 41);
    CHECK(std::string(error.what()).find("expected 4 more bytes, found 2") != std::string::npos);
  }
  CHECK(reader.position() == 1);
  CHECK_THROWS_AS(reader.bytes(~std::uint64_t{0}), FormatError);
  CHECK_THROWS_AS(reader.skip(3), FormatError);
  CHECK(reader.position() == 1);
}

TEST_CASE("varints are read within their limits") {
  auto v16 = [](const std::string& s) { return ByteReader(s).v16(); };
  auto v32 = [](const std::string& s) { return ByteReader(s).v32(); };
  auto v64 = [](const std::string& s) { return ByteReader(s).v64(); };
  CHECK(v64("\x00"s) == 0);
  CHECK(v64("\x7f"s) == 127);
  CHECK(v64("\x80\x01"s) == 128);
  CHECK(v32("\xac\x02"s) == 300);
  CHECK(v32("\x80\x00"s) == 0);
  CHECK(v16("\xff\xff\x03"s) == 65535);
  CHECK_THROWS_AS(v16("\x80\x80\x04"s), FormatError);
  CHECK(v32("\x80\x80\x04"s) == 65536);
  CHECK(v32("\xff\xff\xff\xff\x0f"s) == 0xffffffffu);
  CHECK_THROWS_AS(v32("\xff\xff\xff\xff\x10"s), FormatError);
  CHECK_THROWS_AS(v32("\xff\xff\xff\xff\x8f\x00"s), FormatError);
  CHECK_THROWS_AS(v16("\x80\x80\x80\x80\x80\x00"s), FormatError);
  CHECK(v64("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s) == ~std::uint64_t{0});
  CHECK_THROWS_AS(v64("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"s), FormatError);
  CHECK_THROWS_AS(v64("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00"s), FormatError);
  CHECK_THROWS_AS(v64("\x80"s), FormatError);
  CHECK_THROWS_AS(v64(""s), FormatError);
}

TEST_CASE("what a writer appends a reader gets back") {
  std::string out = "head";
  ByteWriter writer(out);
  writer.u8(1);
  writer.u16le(2);
  writer.u32be(0xdeadbeefu);
  writer.u64le(~std::uint64_t{1});
  writer.varint(300);
  writer.varint(~std::uint64_t{0});
  writer.text("tail");
  CHECK(writer.size() == out.size());
  ByteReader reader{std::string_view(out)};
  CHECK(reader.text(4) == "head");
  CHECK(reader.u8() == 1);
  CHECK(reader.u16le() == 2);
  CHECK(reader.u32be() == 0xdeadbeefu);
  CHECK(reader.u64le() == ~std::uint64_t{1});
  CHECK(reader.v64() == 300);
  CHECK(reader.v64() == ~std::uint64_t{0});
  CHECK(reader.text(4) == "tail");
  std::string padded;
  ByteWriter(padded).varint(127);
  ByteWriter(padded).varint(128);
  CHECK(padded == "\x7f\x80\x01");
}
