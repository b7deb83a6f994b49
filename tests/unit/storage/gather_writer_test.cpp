#include "orrery/storage/gather_writer.hpp"

#include <doctest/doctest.h>

#include <numeric>
#include <string>
#include <vector>

#include "orrery/storage/gather_string.hpp"
#include "scratch.hpp"

using namespace storage_test;
using namespace orrery::storage;
using orrery::ArrayView;
using orrery::DType;

namespace {

std::vector<std::byte> noise(std::size_t size, unsigned seed) {
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>((seed = seed * 1664525u + 1013904223u) >> 24);
  return bytes;
}
std::span<const std::byte> as_bytes(std::string_view text) { return {reinterpret_cast<const std::byte*>(text.data()), text.size()}; }
std::string as_text(const std::vector<std::byte>& bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// The same appends through either sink, and what they should give.
struct Appends {
  std::vector<std::vector<std::byte>> payloads{};
  std::string expected{};
  std::vector<Placed> placed{};

  explicit Appends(const std::vector<std::size_t>& sizes) {
    for (std::size_t size : sizes) payloads.push_back(noise(size, static_cast<unsigned>(size)));
  }
  template <class Sink>
  void to(Sink& sink) {
    for (std::size_t i = 0; i < payloads.size(); ++i) {
      std::string header = "header " + std::to_string(i);
      const Placed at = sink.append_copy(as_bytes(header));
      CHECK(at.crc32c == orrery::crc32c(header.data(), header.size()));
      expected += header;
      header.assign(header.size(), '!');
      sink.pad_to(i % 2 ? 64 : 4096);
      expected.resize((expected.size() + (i % 2 ? 63 : 4095)) / (i % 2 ? 64 : 4096) * (i % 2 ? 64 : 4096));
      placed.push_back(sink.append(payloads[i]));
      CHECK(placed.back().offset == expected.size());
      CHECK(placed.back().size == payloads[i].size());
      CHECK(placed.back().crc32c == orrery::crc32c(payloads[i].data(), payloads[i].size()));
      expected += as_text(payloads[i]);
      CHECK(sink.size() == expected.size());
    }
    sink.flush();
  }
};

const std::vector<std::size_t> sizes = {0, 1, 100, 4096, 4097, 3'000'000, 5, 1 << 20, (1 << 20) + 1, 70'000};

}  // namespace

TEST_CASE("headers, fillers and payloads of all sizes arrive in order, with offsets and checksums") {
  ScratchDirectory scratch;
  Appends appends(sizes);
  TestHook hook;
  {
    ScopedFileSystemHook installed(hook);
    File file = File::create(scratch / "data");
    GatherWriter writer(file);
    appends.to(writer);
    file.close();
  }
  CHECK(contents(scratch / "data") == appends.expected);
  CHECK(hook.largest(FileOperation::write) <= File::largest_write);
  CHECK(hook.count(FileOperation::write) == (appends.expected.size() + File::largest_write - 1) / File::largest_write);
  CHECK(hook.count(FileOperation::writeback) == 0);
}

TEST_CASE("the same appends to a string give the same bytes, and capacity is used again") {
  Appends appends(sizes);
  std::string out;
  reserve_bytes(out, 8 << 20);
  const char* memory = out.data();
  GatherString sink(out);
  appends.to(sink);
  CHECK(out == appends.expected);
  CHECK(out.data() == memory);
  out.clear();
  reserve_bytes(out, 1 << 20);
  CHECK(out.data() == memory);
}

TEST_CASE("a write that comes up short, and one that fails") {
  ScratchDirectory scratch;
  Appends appends({3'000'000, 10, 5000});
  TestHook hook;
  hook.most_bytes = 70'001;
  {
    ScopedFileSystemHook installed(hook);
    File file = File::create(scratch / "data");
    GatherWriter writer(file);
    appends.to(writer);
  }
  CHECK(contents(scratch / "data") == appends.expected);
  hook.seen.clear();
  hook.fail_at = 3;
  hook.code = ENOSPC;
  ScopedFileSystemHook installed(hook);
  File file = File::create(scratch / "full");
  GatherWriter writer(file);
  CHECK_THROWS_AS(writer.append(appends.payloads[0]), orrery::IoError);
}

TEST_CASE("strided arrays arrive in C order, whether they fit a batch or not") {
  constexpr orrery::Dim rows = 700, columns = 1001;
  std::vector<float> values(static_cast<std::size_t>(rows * columns));
  std::iota(values.begin(), values.end(), 0.0f);
  const ArrayView column_major{DType::float32, {rows, columns}, orrery::f_strides(orrery::Shape{rows, columns}, 4), values.data()};
  std::vector<float> expected(values.size());
  for (orrery::Dim r = 0; r < rows; ++r)
    for (orrery::Dim c = 0; c < columns; ++c)
      expected[static_cast<std::size_t>(r * columns + c)] = values[static_cast<std::size_t>(c * rows + r)];
  const std::string text(reinterpret_cast<const char*>(expected.data()), expected.size() * 4);

  ScratchDirectory scratch;
  File file = File::create(scratch / "data");
  GatherWriter writer(file);
  writer.append_copy(as_bytes("odd"));  // elements lie across the ends of batches
  const Placed placed = writer.append(column_major);
  writer.flush();
  CHECK(placed.offset == 3);
  CHECK(placed.crc32c == orrery::crc32c(text.data(), text.size()));
  CHECK(contents(scratch / "data") == "odd" + text);

  std::string out;
  CHECK(GatherString(out).append(column_major).crc32c == placed.crc32c);
  CHECK(out == text);
}

TEST_CASE("unused bits of elements narrower than a byte do not reach the file") {
  const unsigned char noisy[] = {0xf1, 0x0f, 0x27};
  const ArrayView array = ArrayView::dense(DType::uint4, noisy, {3});
  std::string out;
  GatherString(out).append(array);
  CHECK(out == "\x01\x0f\x07");
  ScratchDirectory scratch;
  File file = File::create(scratch / "data");
  GatherWriter writer(file);
  writer.append(array);
  writer.flush();
  CHECK(contents(scratch / "data") == out);
}

TEST_CASE("payloads are not held back: no copy of them is made, and writeback starts every 8 MiB where asked for") {
  ScratchDirectory scratch;
  const std::vector<std::byte> large = noise(20 << 20, 1);
  TestHook hook;
  ScopedFileSystemHook installed(hook);
  File file = File::create(scratch / "data");
  GatherWriter writer(file, {.checksums = false, .early_writeback = true});
  CHECK(writer.append(large).crc32c == 0);
  CHECK(hook.count(FileOperation::write) == 20);
  CHECK(hook.count(FileOperation::writeback) == 2);
}

TEST_CASE("thousands of payloads go into few calls, from any offset on") {
  ScratchDirectory scratch;
  const std::vector<std::byte> bytes = noise(5000, 9);
  TestHook hook;
  {
    ScopedFileSystemHook installed(hook);
    File file = File::create(scratch / "data");
    GatherWriter writer(file, {}, 100);
    for (int i = 0; i < 3000; ++i) {
      const std::uint64_t end = writer.size();
      if (writer.append(std::span(bytes).first(i % 3 ? 10 : 5000)).offset != end) FAIL("wrong offset");
    }
    writer.flush();
    CHECK(writer.size() == 100 + 2000 * 10 + 1000 * 5000);
  }
  CHECK(hook.count(FileOperation::write) <= 6);
  const std::string text = contents(scratch / "data");
  CHECK(text.substr(100 + 5000, 10) == as_text(bytes).substr(0, 10));
  CHECK(text.substr(text.size() - 5020, 5000) == as_text(bytes));
}
