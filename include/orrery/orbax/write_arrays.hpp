// The arrays of an item into its store, chunk by chunk: plain ones straight from the user's memory, strided and cast ones by blocks,
// compressed ones through frames that a few threads make. No array is ever copied as a whole. How an array is laid out is decided in
// array_layout.hpp, where bytes go in payload_stores.hpp. Payloads that are not compressed are aligned so that a restore can map them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "orrery/core/any_array.hpp"
#include "orrery/core/array_box.hpp"
#include "orrery/core/copy.hpp"
#include "orrery/core/crc32c.hpp"
#include "orrery/core/memory.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/codec/zstd_frames.hpp"
#include "orrery/formats/zarr/chunk_elements.hpp"
#include "orrery/formats/zarr/metadata.hpp"
#include "orrery/formats/zarr/metadata_v3.hpp"
#include "orrery/orbax/array_layout.hpp"
#include "orrery/orbax/file_names.hpp"
#include "orrery/orbax/options.hpp"
#include "orrery/orbax/params.hpp"
#include "orrery/orbax/payload_stores.hpp"
#include "orrery/storage/durability.hpp"
#include "orrery/storage/gather_writer.hpp"
#include "orrery/storage/progress.hpp"
#include "orrery/storage/worker_pool.hpp"

namespace orrery::inline v0::orbax {

// The checksum of one stored payload, by its key in the store.
struct PayloadChecksum {
  std::string key;  // "model.params.kernel/0.0"
  std::uint32_t crc32c;
};

namespace detail {

// Small payloads start on cache lines, large ones on pages.
inline constexpr std::size_t small_alignment = 64, large_alignment = 4096, large_payload = 16384;

// Compressing never takes more threads than that: one writer follows them.
inline constexpr std::size_t most_threads = 8;

template <class Store>
class ArrayWriter {
 public:
  ArrayWriter(Store& store, const SaveOptions& options, std::vector<PayloadChecksum>& checksums, storage::ProgressMeter& meter,
              bool writes_metadata)
      : store_(store),
        options_(options),
        frame_{options.compression.level(), options.checksums},
        checksums_(checksums),
        meter_(meter),
        writes_metadata_(writes_metadata),
        pool_(std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, most_threads)) {}

  void write(const Param& param, const zarr::ArrayMetadata& layout) {
    const std::string prefix = param.name.empty() ? "" : param.name + "/";
    if (writes_metadata_) {
      if (options_.use_zarr3)
        store_.put_metadata(prefix, "zarr.json", zarr::to_json_v3(layout));
      else
        store_.put_metadata(prefix, ".zarray", zarr::to_json(layout));
    }
    const ArrayView& array = param.leaf->array;
    if (array.size() == 0) return;  // an array without elements has no chunks
    if (param.leaf->parts) return write_parts(*param.leaf->parts, layout, prefix);
    zarr::for_each_chunk(layout.shape, layout.chunks, ArrayBox::whole(layout.shape), [&](const Shape& index, const ArrayBox&) {
      const zarr::ChunkElements elements = zarr::chunk_elements(layout, array, index);
      const bool is_whole = elements.is_direct() && elements.nbytes() == array.nbytes();
      write_chunk(prefix + zarr::chunk_key(index, layout.keys), layout, elements, is_whole ? param.leaf->crc32c : std::nullopt);
    });
  }

  void finish() {
    flush_frames();
    store_.flush();  // before what sticks out is gone
  }

 private:
  // Chunks from here on are streams of their own, whose blocks are compressed side by side; smaller ones are compressed side by side as
  // wholes, as many at a time as have together `most_pending` bytes.
  static constexpr std::size_t large_chunk = std::size_t{8} << 20, most_pending = std::size_t{16} << 20, most_pending_chunks = 4096;
  static constexpr std::size_t worth_threads = std::size_t{1} << 19;  // less is done before they have started
  static constexpr std::size_t block = std::size_t{1} << 18;

  struct Pending {
    std::string key;
    zarr::ChunkElements elements;
    std::size_t offset;    // of its room in frames_
    std::size_t size = 0;  // of its frame
  };

  void write_chunk(std::string key, const zarr::ArrayMetadata& layout, zarr::ChunkElements elements, std::optional<std::uint32_t> crc) {
    if (layout.codecs.is_compressed()) return compress(std::move(key), std::move(elements));
    const std::size_t alignment = elements.nbytes() >= large_payload ? large_alignment : small_alignment;
    put(std::move(key), alignment, [&](storage::GatherWriter& writer) {
      const storage::Placed plain = write_plain(elements, crc, writer);
      return layout.codecs.bytes.empty() ? plain : with_checksum(plain, writer);
    });
  }

  void write_parts(const ArrayParts& parts, const zarr::ArrayMetadata& layout, const std::string& prefix) {
    for (const ArrayPart& part : parts.parts) {
      if (!part.write) continue;
      zarr::for_each_chunk(layout.shape, layout.chunks, *part.write, [&](const Shape& index, const ArrayBox& chunk) {
        ArrayView elements = part_of(part.array, relative_to(chunk, part.box));
        const bool is_whole = chunk.extents == part.box.extents;
        const bool sticks_out = chunk.extents != layout.chunks;
        if (sticks_out) elements = in_whole_chunk(elements, layout.chunks);
        zarr::ChunkElements stored(std::move(elements), layout.dtype);
        const bool is_as_it_lies = is_whole && !sticks_out && stored.is_direct();
        write_chunk(prefix + zarr::chunk_key(index, layout.keys), layout, stored, is_as_it_lies ? part.crc32c : std::nullopt);
      });
    }
  }

  // Chunks are stored whole, also where an array ends within one, which the last shards of uneven ones do: the one copy that a save makes.
  ArrayView in_whole_chunk(const ArrayView& elements, const Shape& chunk) {
    AnyArray whole = AnyArray::zeros(elements.dtype, chunk);
    if (!padded_.empty() && padded_bytes_ + whole.view().nbytes() > most_pending) {
      flush_frames();
      store_.flush();
      padded_.clear();
      padded_bytes_ = 0;
    }
    copy(elements, part_of(whole.view(), ArrayBox::whole(elements.shape)));
    padded_bytes_ += whole.view().nbytes();
    return padded_.emplace_back(std::move(whole)).view();
  }

  template <class Write>
  void put(std::string key, std::size_t alignment, Write&& write) {
    const storage::Placed placed = store_.put(key, alignment, write);
    if (options_.checksums) checksums_.push_back({std::move(key), placed.crc32c});
  }

  // `crc`: of the elements as they lie in memory, where it is known.
  storage::Placed write_plain(const zarr::ChunkElements& elements, std::optional<std::uint32_t> crc, storage::GatherWriter& writer) {
    if (!elements.is_direct())
      return writer.append_blocks(elements.size(), elements.item_size(), [&](std::size_t first, std::size_t count, std::byte* to) {
        elements.read(first, count, to);
        meter_.add_bytes(count * elements.source_item_size());
      });
    std::span<const std::byte> bytes = elements.direct();
    const auto append = [&](std::span<const std::byte> piece) {
      const storage::Placed placed = crc ? writer.append(piece, *crc) : writer.append(piece);
      meter_.add_bytes(piece.size());
      return placed;
    };
    if (!meter_.is_on() || bytes.size() <= meter_.step) return append(bytes);
    storage::Placed all{writer.size(), bytes.size(), crc.value_or(0)};
    for (; !bytes.empty(); bytes = bytes.subspan(std::min(bytes.size(), meter_.step))) {
      const storage::Placed piece = append(bytes.first(std::min(bytes.size(), meter_.step)));
      if (!crc) all.crc32c = crc32c_combine(all.crc32c, piece.crc32c, piece.size);
    }
    return all;
  }

  // zarr v3's crc32c stands behind the elements (spec/zarr.md 4.3); ours is of all that is stored.
  static storage::Placed with_checksum(storage::Placed elements, storage::GatherWriter& writer) {
    std::byte bytes[4];
    for (int i = 0; i < 4; ++i) bytes[i] = static_cast<std::byte>(elements.crc32c >> (8 * i));
    writer.append_copy(bytes);
    return {elements.offset, elements.size + sizeof bytes, crc32c(bytes, sizeof bytes, elements.crc32c)};
  }

  void compress(std::string key, zarr::ChunkElements elements) {
    if (elements.nbytes() >= large_chunk)
      return put(std::move(key), 1, [&](storage::GatherWriter& writer) { return stream(elements, writer); });
    const std::size_t room = zstd_frame_bound(elements.nbytes());
    if (pending_.size() == most_pending_chunks || (!pending_.empty() && room_ + room > most_pending)) flush_frames();
    pending_.push_back({std::move(key), std::move(elements), room_});
    room_ += room;
  }

  // The order of payloads in the file follows from the state and the options alone, whatever the threads do.
  void flush_frames() {
    if (pending_.empty()) return;
    if (frames_.size() < room_) {
      frames_ = {};  // first, so that both are not there at once
      frames_ = Memory::uninitialized(room_);
    }
    const auto compress_one = [&](std::size_t i) {
      Pending& one = pending_[i];
      const std::span out(frames_.data() + one.offset, zstd_frame_bound(one.elements.nbytes()));
      std::unique_ptr<std::byte[]> gathered;
      if (!one.elements.is_direct()) {
        gathered = std::make_unique_for_overwrite<std::byte[]>(one.elements.nbytes());
        one.elements.read(0, one.elements.size(), gathered.get());
      }
      const std::span<const std::byte> bytes =
          gathered ? std::span<const std::byte>(gathered.get(), one.elements.nbytes()) : one.elements.direct();
      one.size = zstd_compress_into(bytes, out, frame_);
    };
    if (room_ >= worth_threads)
      pool_.run(pending_.size(), compress_one);
    else
      for (std::size_t i = 0; i < pending_.size(); ++i) compress_one(i);
    for (Pending& one : pending_) {
      put(std::move(one.key), 1,
          [&](storage::GatherWriter& writer) { return writer.append(std::span<const std::byte>(frames_.data() + one.offset, one.size)); });
      meter_.add_bytes(one.elements.size() * one.elements.source_item_size());
    }
    store_.flush();
    pending_.clear();
    room_ = 0;
  }

  storage::Placed stream(const zarr::ChunkElements& elements, storage::GatherWriter& writer) {
    if (!stream_) stream_.emplace(pool_.size());
    storage::Placed placed{writer.size()};
    std::size_t first = 0, counted = 0;
    const auto count_done = [&] { meter_.add_bytes((first - std::exchange(counted, first)) * elements.source_item_size()); };
    const auto next = [&]() -> std::span<const std::byte> {
      count_done();
      const std::size_t item = elements.item_size(), most = !elements.is_direct() ? block
                                                            : meter_.is_on()      ? meter_.step
                                                                                  : elements.nbytes();
      const std::size_t at = first, count = std::min(elements.size() - at, std::max<std::size_t>(most / item, 1));
      first += count;
      if (elements.is_direct()) return elements.direct().subspan(at * item, count * item);
      if (!block_) block_ = std::make_unique_for_overwrite<std::byte[]>(block);
      elements.read(at, count, block_.get());
      return {block_.get(), count * item};
    };
    stream_->compress(elements.nbytes(), frame_, next, [&](std::span<const std::byte> bytes) {
      const storage::Placed piece = writer.append_copy(bytes);
      placed.crc32c = placed.size == 0 ? piece.crc32c : crc32c_combine(placed.crc32c, piece.crc32c, piece.size);
      placed.size += piece.size;
    });
    count_done();
    return placed;
  }

  Store& store_;
  const SaveOptions& options_;
  ZstdFrameOptions frame_;
  std::vector<PayloadChecksum>& checksums_;
  storage::ProgressMeter& meter_;
  bool writes_metadata_;
  storage::WorkerPool pool_;
  std::vector<Pending> pending_{};
  std::size_t room_ = 0;
  Memory frames_{};
  std::optional<ZstdStream> stream_{};
  std::unique_ptr<std::byte[]> block_{};
  std::vector<AnyArray> padded_{};
  std::size_t padded_bytes_ = 0;
};

// `is_first`: of several processes, the one that writes the metadata, and all arrays that are not sharded.
template <class Store>
void write_arrays_to(Store& store, const Params& params, const SaveOptions& options, std::vector<PayloadChecksum>& checksums,
                     storage::ProgressMeter& meter, bool is_first = true) {
  const std::vector<DType> dtypes = stored_dtypes(params, options.cast);
  ArrayWriter<Store> writer(store, options, checksums, meter, is_first);
  for (std::size_t i = 0; i < params.list.size(); ++i) {
    const Param& param = params.list[i];
    if (!is_array(param) || (!is_first && !param.leaf->parts)) continue;
    zarr::ArrayMetadata layout = layout_of(param, dtypes.empty() ? param.leaf->array.dtype : dtypes[i], options);
    choose_codecs(layout, param.leaf->array, options);
    writer.write(param, layout);
    meter.add_leaves(1);
  }
  writer.finish();
  store.finish();
}

}  // namespace detail

// What there is to count of a save, from its start on.
template <OnUse = OnUse()>
inline Progress progress_of(const Params& params) {
  Progress progress;
  for (const Param& param : params.list) {
    if (param.leaf) ++progress.leaves_total;
    if (is_array(param)) progress.bytes_total += param.leaf->parts ? param.leaf->parts->written_bytes() : param.leaf->array.nbytes();
  }
  return progress;
}

// Writes all leaves that are arrays or numbers into `directory`, in the store that the options name; does nothing if there are none.
// Returns the checksums of the payloads where asked. Flushing to the disk is left to who commits; `synced` only starts it early.
// ArgumentError for what Orbax, or the file system, cannot hold and for options that make no sense; IoError.
template <OnUse = OnUse()>
inline std::vector<PayloadChecksum> write_arrays(const std::string& directory, const Params& params, const SaveOptions& options,
                                                 storage::ProgressMeter& meter) {
  std::vector<PayloadChecksum> checksums;
  if (options.compression.kind() == Compression::Kind::zstd) check_zstd_level(options.compression.level());
  if (std::none_of(params.list.begin(), params.list.end(), is_array)) return checksums;
  const storage::GatherOptions gather{.checksums = options.checksums, .early_writeback = options.durability == Durability::synced};
  if (options.use_ocdbt) {
    DatabasePayloads store(directory, gather);
    detail::write_arrays_to(store, params, options, checksums, meter);
  } else {
    check_file_names(params, directory);
    FilePayloads store(directory, gather);
    detail::write_arrays_to(store, params, options, checksums, meter);
  }
  return checksums;
}

}  // namespace orrery::inline v0::orbax
