// What cereal functions hand to an archive besides members: pairs of name and value, base classes, sizes, bytes, deferred values and
// pointers. Traits that tell them apart, and the keys under which the two archives keep what is no member.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <cereal/cereal.hpp>
#include <cereal/types/base_class.hpp>
#include <cereal/types/memory.hpp>

#include "orrery/tree/key_path.hpp"

namespace orrery::inline v0::detail::cereal_adapter {

inline constexpr std::string_view version_key = "cereal_class_version";
inline constexpr std::string_view polymorphic_key = "cereal_polymorphic_name";
inline constexpr std::string_view shared_key = "cereal_shared";
inline constexpr std::string_view valid_key = "cereal_valid";  // of a pointer to an object without members

template <class T>
inline constexpr bool is_pair = false;
template <class T>
inline constexpr bool is_pair<cereal::NameValuePair<T>> = true;
template <class T>
inline constexpr bool is_base = false;
template <class T>
inline constexpr bool is_base<cereal::base_class<T>> = true;
template <class T>
inline constexpr bool is_virtual_base = false;
template <class T>
inline constexpr bool is_virtual_base<cereal::virtual_base_class<T>> = true;
template <class T>
inline constexpr bool is_size = false;
template <class T>
inline constexpr bool is_size<cereal::SizeTag<T>> = true;
template <class T>
inline constexpr bool is_deferred = false;
template <class T>
inline constexpr bool is_deferred<cereal::DeferredData<T>> = true;
template <class T>
inline constexpr bool is_pointer_wrapper = false;
template <class T>
inline constexpr bool is_pointer_wrapper<cereal::memory_detail::PtrWrapper<T>> = true;
template <class T>
inline constexpr bool is_map_item = false;
template <class K, class V>
inline constexpr bool is_map_item<cereal::MapItem<K, V>> = true;

// What cereal makes of load_and_construct.
template <class T>
inline constexpr bool is_constructing = false;
template <class A, class T>
inline constexpr bool is_constructing<cereal::memory_detail::LoadAndConstructLoadWrapper<A, T>> = true;

// The elements behind a BinaryData: those of the pointer that it was made of, bytes where that says nothing.
template <class T>
struct BinaryElement {
  static constexpr bool is_binary = false;
};
template <class T>
struct BinaryElement<cereal::BinaryData<T>> {
  static constexpr bool is_binary = true;
  using pointed = std::remove_cv_t<std::remove_pointer_t<std::remove_reference_t<T>>>;
  using type = std::conditional_t<std::is_arithmetic_v<pointed> && !std::is_same_v<pointed, char> && !std::is_same_v<pointed, long double>,
                                  pointed, unsigned char>;
};

// Where a node is below the root of a recording: a JSON pointer (RFC 6901).
inline std::string json_pointer(const PathLink* path, const PathLink* root) {
  std::vector<const PathLink*> links;
  for (const PathLink* link = path; link != root; link = link->up) links.push_back(link);
  std::string text;
  for (auto link = links.rbegin(); link != links.rend(); ++link) {
    text += '/';
    if ((*link)->is_index) {
      text += std::to_string((*link)->index);
    } else {
      for (const char c : (*link)->key) {
        if (c == '~')
          text += "~0";
        else if (c == '/')
          text += "~1";
        else
          text += c;
      }
    }
  }
  return text;
}

}  // namespace orrery::inline v0::detail::cereal_adapter
