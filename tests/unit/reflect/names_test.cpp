#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "orrery/reflect/names.hpp"
#include "orrery/reflect/type_name.hpp"

namespace outer::inner {
struct Empty {};
template <auto>
struct Odd {};
template <class T>
struct Template {
  T value_;
  std::vector<T> many;
  struct Nested {
    int deep;
  };
};
struct Plain : Empty {
  int alpha;
  const std::string beta_;
  float __gamma[2][3];
  std::unique_ptr<Plain> next;
  void (*call)(int);
};
struct Immovable {
  Immovable& operator=(Immovable&&) = delete;
  int only;
};
}  // namespace outer::inner

namespace {

using orrery::member_names;
using orrery::type_name;
using Names = std::vector<std::string_view>;

template <class T>
Names names() {
  return Names(member_names<T>.begin(), member_names<T>.end());
}

struct Unnamed {
  int in_unnamed_namespace, größe;
};

#define TEN(n) int n##0, n##1, n##2, n##3, n##4, n##5, n##6, n##7, n##8, n##9;
struct Hundred {
  TEN(a) TEN(b) TEN(c) TEN(d) TEN(e) TEN(f) TEN(g) TEN(h) TEN(i) TEN(a_rather_long_name_for_a_member_)
};

TEST_CASE("members keep the names they have in the source") {
  CHECK(names<outer::inner::Plain>() == Names{"alpha", "beta_", "__gamma", "next", "call"});
  CHECK(names<Unnamed>() == Names{"in_unnamed_namespace", "größe"});
  CHECK(names<outer::inner::Empty>().empty());
  CHECK(names<Hundred>().size() == 100);
  CHECK(names<Hundred>().front() == "a0");
  CHECK(names<Hundred>().back() == "a_rather_long_name_for_a_member_9");
}

TEST_CASE("names are right in templates, whatever their arguments print") {
  CHECK(names<outer::inner::Template<int>>() == Names{"value_", "many"});
  CHECK(names<outer::inner::Template<void (*)(std::string)>>() == Names{"value_", "many"});
  CHECK(names<outer::inner::Template<outer::inner::Odd<')'>>>() == Names{"value_", "many"});
  CHECK(names<outer::inner::Template<outer::inner::Template<int>::Nested>>() == Names{"value_", "many"});
}

TEST_CASE("local types have names too") {
  struct Local {
    int first;
    std::string second;
  };
  CHECK(names<Local>() == Names{"first", "second"});
  CHECK(type_name<Local> == "Local");
}

TEST_CASE("names end in no zero and point to static text") {
  static_assert(member_names<Unnamed>[0] == "in_unnamed_namespace");
  CHECK(member_names<Unnamed>[0].data() + member_names<Unnamed>[0].size() == member_names<Unnamed>[1].data());
}

TEST_CASE("types are called by the last part of their name") {
  CHECK(type_name<outer::inner::Plain> == "Plain");
  CHECK(type_name<const outer::inner::Plain> == "Plain");
  CHECK(type_name<outer::inner::Template<outer::inner::Plain>> == "Template");
  CHECK(type_name<outer::inner::Template<int>::Nested> == "Nested");
  CHECK(type_name<Unnamed> == "Unnamed");
  CHECK(type_name<outer::inner::Odd<'<'>> == "Odd");
}

}  // namespace
