// Where the library speaks up without failing: warnings, and errors that nobody is there to catch any more (a destructor's).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string_view>
#include <type_traits>
#include <utility>

#include "orrery/core/on_use.hpp"

namespace orrery::inline v0 {

enum class LogLevel : std::uint8_t { info, warning, error };

namespace detail {

class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void write(LogLevel level, std::string_view message) = 0;
};

template <class Function>
class FunctionLogSink final : public LogSink {
 public:
  explicit FunctionLogSink(Function function) : function_(std::move(function)) {}
  void write(LogLevel level, std::string_view message) override { function_(level, message); }

 private:
  Function function_;
};

struct LogState {
  std::mutex mutex{};
  std::shared_ptr<LogSink> sink{};  // none: warnings and errors go to stderr
};
// Never destroyed: threads may speak while the program ends.
inline LogState& log_state() {
  static LogState& state = *new LogState;
  return state;
}

}  // namespace detail

// `handler(LogLevel, std::string_view)` gets every message from now on, from any thread and perhaps from several at once; what it throws
// is dropped.
template <class Handler>
  requires std::is_invocable_v<Handler&, LogLevel, std::string_view>
void set_log_handler(Handler handler) {
  auto sink = std::make_shared<detail::FunctionLogSink<Handler>>(std::move(handler));
  const std::lock_guard lock(detail::log_state().mutex);
  detail::log_state().sink = std::move(sink);
}
// Back to the default: warnings and errors to stderr, a line each.
template <OnUse = OnUse()>
inline void set_log_handler(std::nullptr_t) {
  const std::lock_guard lock(detail::log_state().mutex);
  detail::log_state().sink = nullptr;
}

template <OnUse = OnUse()>
inline void log(LogLevel level, std::string_view message) noexcept {
  try {
    std::shared_ptr<detail::LogSink> sink;
    {
      const std::lock_guard lock(detail::log_state().mutex);
      sink = detail::log_state().sink;
    }
    if (sink)
      sink->write(level, message);
    else if (level != LogLevel::info)
      std::fprintf(stderr, "orrery: %s: %.*s\n", level == LogLevel::error ? "error" : "warning", static_cast<int>(message.size()),
                   message.data());
  } catch (...) {  // a handler's trouble must not become that of a save
  }
}

}  // namespace orrery::inline v0
