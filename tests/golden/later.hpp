#pragma once
#include <string_view>
namespace orrery::golden { struct Later { std::string_view name, reason; }; inline constexpr Later later[] = {{"x","y"}}; }
