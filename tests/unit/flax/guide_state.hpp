// The state of the Flax guide "Save and load checkpoints" as C++ structs (spec/flax-legacy.md 8.0), and the 249 bytes that Flax's
// to_bytes makes of it.
#pragma once

#include <stdlib.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/core/array.hpp"
#include "orrery/optax/states.hpp"

namespace guide {

struct Dense {
  orrery::Array<float> bias = orrery::Array<float>({3});
  orrery::Array<float> kernel = orrery::Array<float>({5, 3});
};
struct TrainState {
  std::int64_t step = 0;
  Dense params{};
  orrery::optax::SgdState opt_state{};
};
struct Config {
  orrery::Array<std::int64_t> dimensions = orrery::Array<std::int64_t>({2});
};
struct Checkpoint {
  TrainState model{};
  Config config{};
  std::vector<orrery::Array<float>> data{orrery::Array<float>({5})};
};

inline orrery::Array<float> x1() { return orrery::Array<float>::from({0.59902626f, 0.2172144f, 2.4202902f, 0.03266738f, 1.2164948f}); }

inline Dense params() {
  Dense dense;
  dense.bias = orrery::Array<float>::full({3}, -0.001f);
  dense.kernel = orrery::Array<float>::from({{0.26048955f, -0.61399287f, -0.23458514f},
                                             {0.11050402f, -0.8765793f, 0.9800635f},
                                             {0.36260957f, 0.18276349f, -0.6856061f},
                                             {-0.8519373f, -0.6416717f, -0.4818122f},
                                             {-0.6886102f, -0.33987316f, -0.05898903f}});
  return dense;
}

inline Checkpoint checkpoint() {
  Checkpoint ckpt;
  ckpt.model.step = 1;
  ckpt.model.params = params();
  ckpt.config.dimensions = orrery::Array<std::int64_t>::from({5, 3});
  ckpt.data = {x1()};
  return ckpt;
}

// "81 a1 61" as bytes.
inline std::string unhex(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    while (hex[i] == ' ') ++i;
    out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return out;
}

// SHA-256 77295a5cef3111dece023af807f56a4e660bcd47d2f240bc9ea0f43b404bcae7.
inline std::string checkpoint_bytes() {
  return unhex(
      "83 a5 6d 6f 64 65 6c 83 a4 73 74 65 70 01 a6 70 61 72 61 6d 73 82 a4 62 69 61 73 c7 19 01 93 91 03 a7 66 6c 6f 61 74 33 32 c4 0c 6f "
      "12 83 ba 6f "
      "12 83 ba 6f 12 83 ba a6 6b 65 72 6e 65 6c c7 4a 01 93 92 05 03 a7 66 6c 6f 61 74 33 32 c4 3c e3 5e 85 3e a3 2e 1d bf 16 37 70 be ee "
      "4f e2 3d 80 "
      "67 60 bf 71 e5 7a 3f f6 a7 b9 3e 5a 26 3b 3e e2 83 2f bf 90 18 5a bf 99 44 24 bf 17 b0 f6 be c2 48 30 bf db 03 ae be 7b 9e 71 bd a9 "
      "6f 70 74 5f "
      "73 74 61 74 65 82 a1 30 80 a1 31 80 a6 63 6f 6e 66 69 67 81 aa 64 69 6d 65 6e 73 69 6f 6e 73 c7 1b 01 93 91 02 a5 69 6e 74 36 34 c4 "
      "10 05 00 00 "
      "00 00 00 00 00 03 00 00 00 00 00 00 00 a4 64 61 74 61 81 a1 30 c7 21 01 93 91 05 a7 66 6c 6f 61 74 33 32 c4 14 c9 59 19 3f 74 6d 5e "
      "3e 09 e6 1a "
      "40 3b ce 05 3d 1a b6 9b 3f");
}

// A directory that is gone afterwards.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "orrery_flax_XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }
  // What is in it, sorted.
  std::vector<std::string> names(const std::string& below = {}) const {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(below.empty() ? path_ : path_ + "/" + below))
      out.push_back(entry.path().filename().string());
    std::sort(out.begin(), out.end());
    return out;
  }

 private:
  std::string path_;
};

}  // namespace guide
