// The mark of a function that is compiled where it is called and not where its header is included:
//   template <OnUse = OnUse()>
//   std::string read_file(const std::string& path, std::size_t limit) { ... }
// Callers see an ordinary function: nobody writes the argument, and as no parameter depends on it, arguments convert as ever. Compilers
// instantiate what the body of a plain inline function needs of the standard library in every translation unit that includes it, called or
// not; for a template they only look at the body. Its address is `&read_file<>`. docs/compile_time.md has the rules and what they bring.
#pragma once

namespace orrery::inline v0 {

enum class OnUse : bool {};

}  // namespace orrery::inline v0
