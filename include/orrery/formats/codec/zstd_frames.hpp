// zstd frames of payloads that are too large, or too scattered, to be handed over as one string: at once into the caller's buffer, or as
// a stream of blocks in constant memory, by several threads. And the question whether it is worth while. zstd.hpp has the other way.
#pragma once

#include <zstd.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>

#include "orrery/core/on_use.hpp"
#include "orrery/formats/codec/zstd.hpp"

namespace orrery::inline v0 {

// Always with the content size. `checksum` adds the XXH64 of the content, which every decoder verifies.
struct ZstdFrameOptions {
  int level = 1;
  bool checksum = false;
};

// The most bytes that a frame of that many takes.
inline std::size_t zstd_frame_bound(std::size_t size) noexcept { return ZSTD_compressBound(size); }

// One frame into `out`, which has zstd_frame_bound(bytes.size()) bytes; returns how many it takes. From any thread.
template <OnUse = OnUse()>
inline std::size_t zstd_compress_into(std::span<const std::byte> bytes, std::span<std::byte> out, const ZstdFrameOptions& options) {
  ZSTD_CCtx* context = detail::zstd_compressor();
  detail::prepare_zstd_frame(context, options.level, options.checksum);
  return detail::compressed_size(ZSTD_compress2(context, out.data(), out.size(), bytes.data(), bytes.size()));
}

// Makes one frame after the other; its threads end with it. Memory: at level 1 about 10 MiB a thread, whatever the size of a frame.
class ZstdStream {
 public:
  template <OnUse = OnUse()>
  explicit ZstdStream(std::size_t threads) : context_(ZSTD_createCCtx()), threads_(threads) {
    if (!context_) throw std::bad_alloc();
  }

  // One frame of `size` bytes. next() gives some of them, never none, that stay until it is called again; take(bytes) gets the frame in
  // pieces of at most `piece` bytes.
  template <class Next, class Take>
  void compress(std::size_t size, const ZstdFrameOptions& options, Next&& next, Take&& take) {
    detail::prepare_zstd_frame(context_.get(), options.level, options.checksum);
    // A library without threads refuses, and does it alone.
    if (threads_ > 1) ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_nbWorkers, static_cast<int>(threads_));
    ZSTD_CCtx_setPledgedSrcSize(context_.get(), size);
    if (!buffer_) buffer_ = std::make_unique_for_overwrite<std::byte[]>(piece);
    for (std::size_t given = 0; given < size || size == 0;) {
      const std::span<const std::byte> bytes = size == 0 ? std::span<const std::byte>() : next();
      given += bytes.size();
      ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
      const bool is_last = given == size;
      for (std::size_t left = 1; is_last ? left > 0 : in.pos < in.size;) {
        ZSTD_outBuffer out{buffer_.get(), piece, 0};
        left = detail::compressed_size(ZSTD_compressStream2(context_.get(), &out, &in, is_last ? ZSTD_e_end : ZSTD_e_continue));
        if (out.pos > 0) take(std::span<const std::byte>(buffer_.get(), out.pos));
      }
      if (is_last) return;
    }
  }

 private:
  static constexpr std::size_t piece = std::size_t{1} << 18;

  std::unique_ptr<ZSTD_CCtx, detail::ZstdFree> context_;
  std::size_t threads_;
  std::unique_ptr<std::byte[]> buffer_{};
};

// Whether compressing is faster than writing: level 1 takes 1 GiB/s of a core and less from most data, and reaches what a disk does only
// where next to nothing is left of it (zeros, rows of zeros, very sparse arrays). So four samples, evenly spread, must shrink to a 16th
// together; as soon as they cannot the search ends, which for dense data is after 5 to 20 us, at the first. sample(offset, size) gives
// bytes of the payload; samples grow from 1 KiB to 16 KiB with it, so that asking stays small beside writing it.
template <class Sample>
bool zstd_pays(std::size_t payload_bytes, Sample&& sample) {
  constexpr std::size_t samples = 4, smallest = 1024, largest = 16384, gain = 16;
  if (payload_bytes < samples * smallest) return false;
  const std::size_t size = std::clamp(payload_bytes / 1024, smallest, largest);
  std::byte out[largest + 512];
  std::size_t left = 0;
  for (std::size_t i = 0; i < samples; ++i) {
    const std::span<const std::byte> bytes = sample((payload_bytes - size) / (samples - 1) * i, size);
    left += zstd_compress_into(bytes, std::span(out).first(zstd_frame_bound(bytes.size())), {});
    if (left * gain > samples * size) return false;
  }
  return true;
}

}  // namespace orrery::inline v0
