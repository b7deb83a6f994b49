// The mark of a function that is compiled where it is called and not where its header is included:
//   template <OnUse = OnUse()>
//   std::string read_file(const std::string& path, std::size_t limit) { ... }
// Callers see an ordinary function: nobody writes the argument, and as no parameter depends on it, arguments convert as ever. Compilers
// instantiate what the body of a plain inline function needs of the standard library in every translation unit that includes it, called or
// not; for a template they only look at the body. Its address is `&read_file<>`. docs/compile_time.md has the rules and what they bring.
//
// ORRERY_ONCE(declaration); after the definition of such a function is what a compiled library is made of: programs that link
// orrery::compiled have ORRERY_COMPILED, so that their translation units take the function as it stands there and compile nothing of what
// is below it; src/compiled.cpp, which that library consists of, has ORRERY_COMPILES. Without either there is nothing. The definition has
// no `inline`, which would have optimizers compile it again.
#pragma once

#if defined(ORRERY_COMPILES)
#define ORRERY_ONCE(...) template __VA_ARGS__
#elif defined(ORRERY_COMPILED)
#define ORRERY_ONCE(...) extern template __VA_ARGS__
#else
#define ORRERY_ONCE(...) static_assert(true)
#endif

namespace orrery::inline v0 {

enum class OnUse : bool {};

}  // namespace orrery::inline v0
