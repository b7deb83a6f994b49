// flax_directory: does what it is told, line by line, in directories of checkpoints that real Flax works in too (flax_directories.py).
//   save DIR STEP one|multi orbax|msgpack now|later KEEP OVERWRITE EVERY VALUE   -> "ok NAME"
//   restore DIR STEP struct|target|tree                                         -> "ok VALUE" or "none"
//   die DIR STEP orbax|msgpack                                                   -> "ok", having left behind what a killed save leaves
//   latest DIR | steps DIR                                                       -> "ok NAME", "none" | "ok 1 2.5"
// STEP may be "-". What is refused answers "refused", "missing" or "failed" and the message.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <exception>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/checkpoint.hpp"
#include "orrery/flax.hpp"
#include "orrery/storage/file_hook.hpp"

namespace {

namespace fx = orrery::flax;

struct State {
  std::int64_t step = -1;
  orrery::Array<float> w = orrery::Array<float>({3});
  std::vector<orrery::Array<double>> list{orrery::Array<double>({2})};
};

State state_of(std::int64_t value) {
  return {value, orrery::Array<float>::full({3}, static_cast<float>(value)), {orrery::Array<double>::arange(value, value + 2)}};
}
bool is_state_of(const State& state, std::int64_t value) {
  const State wanted = state_of(value);
  return state.step == value && state.w == wanted.w && state.list == wanted.list;
}
bool is_state_of(const orrery::Tree& tree, std::int64_t value) {
  const State wanted = state_of(value);
  return tree["w"].array() == orrery::AnyArray(wanted.w) && tree["list"]["0"].array() == orrery::AnyArray(wanted.list[0]);
}

std::optional<fx::Step> step_of(const std::string& text) {
  if (text == "-") return std::nullopt;
  if (text.find('.') != std::string::npos) return fx::Step(std::stod(text));
  return fx::Step(std::stoll(text));
}
std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string save(std::istringstream& words) {
  static fx::AsyncManager manager;
  static orrery::AsyncCheckpointer checkpointer;
  std::string directory, step, function, backend, when, every;
  fx::SaveCheckpointOptions options;
  std::int64_t value = 0;
  words >> directory >> step >> function >> backend >> when >> options.keep >> options.overwrite >> every >> value;
  if (every != "-") options.keep_every_n_steps = std::stoll(every);
  options.backend = backend == "orbax" ? fx::Backend::orbax : fx::Backend::msgpack;
  if (when == "later" && backend == "orbax") options.orbax_checkpointer = &checkpointer;
  if (when == "later" && backend == "msgpack") options.async_manager = &manager;
  State state = state_of(value);
  const std::string path = function == "multi" ? fx::save_checkpoint_multiprocess(directory, state, *step_of(step), options)
                                               : fx::save_checkpoint(directory, state, *step_of(step), options);
  state.w.data()[0] = -1;  // what comes later is none of the save's business
  manager.result();
  checkpointer.wait_until_finished();
  return "ok " + name_of(path);
}

std::string restore(std::istringstream& words) {
  std::string directory, step, how;
  words >> directory >> step >> how;
  const fx::RestoreCheckpointOptions options{.step = step_of(step)};
  if (!options.step && !fx::latest_checkpoint(directory)) return "none";
  std::int64_t value = 0;
  bool whole = false;
  if (how == "tree") {
    const orrery::Tree tree = fx::restore_checkpoint(directory, options);
    value = tree["step"].scalar<std::int64_t>();
    whole = is_state_of(tree, value);
  } else {
    const State state =
        how == "struct" ? fx::restore_checkpoint<State>(directory, options) : fx::restore_checkpoint(directory, State{}, options);
    value = state.step;
    whole = is_state_of(state, value);
  }
  return whole ? "ok " + std::to_string(value) : "failed the arrays are not those of " + std::to_string(value);
}

// A save that is killed when all is written and nothing renamed.
std::string die(std::istringstream& words) {
  struct Killed final : orrery::storage::FileSystemHook {
    int before(orrery::storage::FileCall& call) noexcept override {
      using enum orrery::storage::FileOperation;
      if (call.operation == rename || call.operation == exchange) ::_exit(0);
      return 0;
    }
  };
  std::string directory, step, backend;
  words >> directory >> step >> backend;
  const ::pid_t child = ::fork();
  if (child == 0) {
    Killed killed;
    const orrery::storage::ScopedFileSystemHook scope(killed);
    fx::save_checkpoint(directory, state_of(0), *step_of(step),
                        {.overwrite = true, .backend = backend == "orbax" ? fx::Backend::orbax : fx::Backend::msgpack});
    ::_exit(1);
  }
  int status = 1;
  ::waitpid(child, &status, 0);
  return status == 0 ? "ok" : "failed: nothing was renamed";
}

std::string steps(const std::string& directory) {
  std::string text = "ok";
  try {
    for (std::int64_t step : fx::available_steps(directory)) text += " " + std::to_string(step);
  } catch (const orrery::ArgumentError&) {
    for (double step : fx::available_steps<double>(directory)) text += " " + fx::Step(step).text();
  }
  return text;
}

std::string answer(const std::string& line) {
  std::istringstream words(line);
  std::string verb, directory;
  words >> verb;
  if (verb == "save") return save(words);
  if (verb == "restore") return restore(words);
  if (verb == "die") return die(words);
  words >> directory;
  if (verb == "steps") return steps(directory);
  const auto latest = fx::latest_checkpoint(directory);
  return latest ? "ok " + name_of(*latest) : "none";
}

}  // namespace

int main() {
  orrery::set_log_handler([](orrery::LogLevel, std::string_view) {});
  for (std::string line; std::getline(std::cin, line);) {
    std::string text;
    try {
      text = answer(line);
    } catch (const orrery::AlreadyExistsError& error) {
      text = std::string("refused ") + error.what();
    } catch (const orrery::NotFoundError& error) {
      text = std::string("missing ") + error.what();
    } catch (const std::exception& error) {
      text = std::string("failed ") + error.what();
    }
    for (char& c : text)
      if (c == '\n') c = ' ';
    std::cout << text << std::endl;
  }
}
