// fuzz_replay FOLDER... : every file of FOLDER/<target>/ once through its target, without libFuzzer. Prints what broke its contract, and a
// sum last. With the names of targets after "--", those alone.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::fuzz {

struct Target {
  std::string_view name;
  void (*run)(std::string_view input);
};

#define ORRERY_FUZZ_TARGET(name) void name(std::string_view input);
#include "targets.inc"
#undef ORRERY_FUZZ_TARGET

constexpr Target targets[] = {
#define ORRERY_FUZZ_TARGET(name) {#name, name},
#include "targets.inc"
#undef ORRERY_FUZZ_TARGET
};

}  // namespace orrery::fuzz

namespace fs = std::filesystem;

// No more memory than that: what asks for more on an input's word gets std::bad_alloc. (Sanitizers take terabytes of address space.)
static void limit_memory() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  rlimit little{};
  ::getrlimit(RLIMIT_AS, &little);
  little.rlim_cur = rlim_t{3} << 30;
  ::setrlimit(RLIMIT_AS, &little);
#endif
}

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const auto bar = std::find(arguments.begin(), arguments.end(), "--");
  limit_memory();
  std::size_t passed = 0, failed = 0, skipped = 0;
  for (const orrery::fuzz::Target& target : orrery::fuzz::targets) {
    if (bar != arguments.end() && std::find(bar + 1, arguments.end(), target.name) == arguments.end()) continue;
    std::vector<fs::path> files;
    for (auto folder = arguments.begin(); folder != bar; ++folder)
      if (const fs::path below = fs::path(*folder) / target.name; fs::is_directory(below))
        for (const auto& entry : fs::directory_iterator(below)) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    if (files.empty()) {
      std::printf("SKIP %s: no corpus\n", std::string(target.name).c_str());
      ++skipped;
    }
    for (const fs::path& file : files) {
      std::ifstream stream(file, std::ios::binary);
      const std::string input{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
      const auto started = std::chrono::steady_clock::now();
      std::string wrong;
      try {
        target.run(input);
      } catch (const std::exception& e) {
        wrong = e.what();
      } catch (...) {
        wrong = "something that is no exception";
      }
      if (wrong.empty() && std::chrono::steady_clock::now() - started > std::chrono::seconds(20)) wrong = "it took more than 20 seconds";
      if (wrong.empty())
        ++passed;
      else
        std::printf("FAIL %s: %s\n", file.c_str(), wrong.c_str());
      if (!wrong.empty()) ++failed;
    }
  }
  std::printf("%zu passed, %zu failed, %zu skipped\n", passed, failed, skipped);
  return failed > 0 ? 1 : 0;
}
