// Which of cereal's functions describe a class: serialize, save and load, save_minimal and load_minimal, member or free, versioned or not,
// private ones by cereal::access; and calls of them. Which one counts where there are several is for cereal to say (cereal::specialize).
#pragma once

#include <cstdint>
#include <type_traits>
#include <typeindex>
#include <utility>

#include <cereal/cereal.hpp>
#include <cereal/types/base_class.hpp>
#include <cereal/types/polymorphic.hpp>

#include "orrery/fwd.hpp"

namespace orrery::inline v0::cereal_archives {
class OutputArchive;
class InputArchive;
}  // namespace orrery::inline v0::cereal_archives

CEREAL_REGISTER_ARCHIVE(orrery::cereal_archives::OutputArchive)
CEREAL_REGISTER_ARCHIVE(orrery::cereal_archives::InputArchive)
CEREAL_SETUP_ARCHIVE_TRAITS(orrery::cereal_archives::InputArchive, orrery::cereal_archives::OutputArchive)

namespace orrery::inline v0::detail::cereal_adapter {

namespace traits = cereal::traits;
using Output = cereal_archives::OutputArchive;
using Input = cereal_archives::InputArchive;

// One function of a kind, and cereal would call it.
template <class T, class Archive, class Has, class IsSpecialized>
inline constexpr bool calls = Has::value && (IsSpecialized::value || !traits::is_specialized<T, Archive>::value);

template <class T>
inline constexpr int output_functions = traits::detail::count_output_serializers<T, Output>::value;
template <class T>
inline constexpr int input_functions = traits::detail::count_input_serializers<T, Input>::value;

template <class T>
concept MemberSerialize = calls<T, Output, traits::has_member_serialize<T, Output>, traits::is_specialized_member_serialize<T, Output>>;
template <class T>
concept FreeSerialize =
    calls<T, Output, traits::has_non_member_serialize<T, Output>, traits::is_specialized_non_member_serialize<T, Output>>;
template <class T>
concept MemberSave = calls<T, Output, traits::has_member_save<T, Output>, traits::is_specialized_member_save<T, Output>>;
template <class T>
concept FreeSave = calls<T, Output, traits::has_non_member_save<T, Output>, traits::is_specialized_non_member_save<T, Output>>;
template <class T>
concept MemberSaveMinimal =
    calls<T, Output, traits::has_member_save_minimal<T, Output>, traits::is_specialized_member_save_minimal<T, Output>>;
template <class T>
concept FreeSaveMinimal =
    calls<T, Output, traits::has_non_member_save_minimal<T, Output>, traits::is_specialized_non_member_save_minimal<T, Output>>;

template <class T>
concept VersionedMemberSerialize =
    calls<T, Output, traits::has_member_versioned_serialize<T, Output>, traits::is_specialized_member_versioned_serialize<T, Output>>;
template <class T>
concept VersionedFreeSerialize = calls<T, Output, traits::has_non_member_versioned_serialize<T, Output>,
                                       traits::is_specialized_non_member_versioned_serialize<T, Output>>;
template <class T>
concept VersionedMemberSave =
    calls<T, Output, traits::has_member_versioned_save<T, Output>, traits::is_specialized_member_versioned_save<T, Output>>;
template <class T>
concept VersionedFreeSave =
    calls<T, Output, traits::has_non_member_versioned_save<T, Output>, traits::is_specialized_non_member_versioned_save<T, Output>>;
template <class T>
concept VersionedMemberSaveMinimal =
    calls<T, Output, traits::has_member_versioned_save_minimal<T, Output>, traits::is_specialized_member_versioned_save_minimal<T, Output>>;
template <class T>
concept VersionedFreeSaveMinimal = calls<T, Output, traits::has_non_member_versioned_save_minimal<T, Output>,
                                         traits::is_specialized_non_member_versioned_save_minimal<T, Output>>;

// cereal's functions describe T. More than one that cereal cannot choose between is an error where T is stored.
template <class T>
concept Described = std::is_class_v<T> && (output_functions<T> > 0 || input_functions<T> > 0);
template <class T>
concept SerializedByMember = MemberSerialize<T> || VersionedMemberSerialize<T>;
// One number, text or other value stands for T.
template <class T>
concept UnversionedMinimal = MemberSaveMinimal<T> || FreeSaveMinimal<T>;
template <class T>
concept Minimal = UnversionedMinimal<T> || VersionedMemberSaveMinimal<T> || VersionedFreeSaveMinimal<T>;
template <class T>
concept Versioned = VersionedMemberSerialize<T> || VersionedFreeSerialize<T> || VersionedMemberSave<T> || VersionedFreeSave<T> ||
                    VersionedMemberSaveMinimal<T> || VersionedFreeSaveMinimal<T>;
// The one function is used both ways, without a version: what it hands over are places to read from and to write to.
template <class T>
concept PlainSerialize = MemberSerialize<T> || FreeSerialize<T>;

template <class T>
inline constexpr bool never = false;

// One message for what cannot be called; asked where a row or a value of T is made.
template <class T>
constexpr bool check_functions() {
  if constexpr (output_functions<T> > 1 || input_functions<T> > 1) {
    static_assert(never<T>,
                  "orrery: this class has more than one set of cereal functions (serialize, save and load, save_minimal and load_minimal), "
                  "perhaps by inheritance; keep one, or choose it with cereal::specialize");
    return false;
  } else if constexpr (output_functions<T> == 0 || input_functions<T> == 0) {
    static_assert(never<T>,
                  "orrery: this class has a cereal function for one direction alone; give it both save and load (or save_minimal and "
                  "load_minimal), or one serialize");
    return false;
  } else {
    return true;
  }
}

template <class T>
std::uint32_t current_version() {
  static const auto hash = std::type_index(typeid(T)).hash_code();
  const auto lock = cereal::detail::StaticObject<cereal::detail::Versions>::lock();
  return cereal::detail::StaticObject<cereal::detail::Versions>::getInstance().find(hash, cereal::detail::Version<T>::version);
}

template <class T>
void save_members(Output& archive, const T& value, [[maybe_unused]] std::uint32_t version) {
  if constexpr (MemberSerialize<T>)
    cereal::access::member_serialize(archive, const_cast<T&>(value));
  else if constexpr (FreeSerialize<T>)
    CEREAL_SERIALIZE_FUNCTION_NAME(archive, const_cast<T&>(value));
  else if constexpr (MemberSave<T>)
    cereal::access::member_save(archive, value);
  else if constexpr (FreeSave<T>)
    CEREAL_SAVE_FUNCTION_NAME(archive, value);
  else if constexpr (VersionedMemberSerialize<T>)
    cereal::access::member_serialize(archive, const_cast<T&>(value), version);
  else if constexpr (VersionedFreeSerialize<T>)
    CEREAL_SERIALIZE_FUNCTION_NAME(archive, const_cast<T&>(value), version);
  else if constexpr (VersionedMemberSave<T>)
    cereal::access::member_save(archive, value, version);
  else
    CEREAL_SAVE_FUNCTION_NAME(archive, value, version);
}

template <class T>
void load_members(Input& archive, T& value, [[maybe_unused]] std::uint32_t version) {
  if constexpr (MemberSerialize<T>)
    cereal::access::member_serialize(archive, value);
  else if constexpr (FreeSerialize<T>)
    CEREAL_SERIALIZE_FUNCTION_NAME(archive, value);
  else if constexpr (VersionedMemberSerialize<T>)
    cereal::access::member_serialize(archive, value, version);
  else if constexpr (VersionedFreeSerialize<T>)
    CEREAL_SERIALIZE_FUNCTION_NAME(archive, value, version);
  else if constexpr (traits::has_member_load<T, Input>::value)
    cereal::access::member_load(archive, value);
  else if constexpr (traits::has_non_member_load<T, Input>::value)
    CEREAL_LOAD_FUNCTION_NAME(archive, value);
  else if constexpr (traits::has_member_versioned_load<T, Input>::value)
    cereal::access::member_load(archive, value, version);
  else
    CEREAL_LOAD_FUNCTION_NAME(archive, value, version);
}

template <class T>
auto save_minimal(const Output& archive, const T& value, [[maybe_unused]] std::uint32_t version) {
  if constexpr (MemberSaveMinimal<T>)
    return cereal::access::member_save_minimal(archive, value);
  else if constexpr (FreeSaveMinimal<T>)
    return CEREAL_SAVE_MINIMAL_FUNCTION_NAME(archive, value);
  else if constexpr (VersionedMemberSaveMinimal<T>)
    return cereal::access::member_save_minimal(archive, value, version);
  else
    return CEREAL_SAVE_MINIMAL_FUNCTION_NAME(archive, value, version);
}
template <class T>
using MinimalValue = std::remove_cvref_t<decltype(save_minimal(std::declval<const Output&>(), std::declval<const T&>(), 0u))>;

template <class T>
void load_minimal(const Input& archive, T& value, const MinimalValue<T>& from, [[maybe_unused]] std::uint32_t version) {
  if constexpr (MemberSaveMinimal<T>)
    cereal::access::member_load_minimal(archive, value, from);
  else if constexpr (FreeSaveMinimal<T>)
    CEREAL_LOAD_MINIMAL_FUNCTION_NAME(archive, value, from);
  else if constexpr (VersionedMemberSaveMinimal<T>)
    cereal::access::member_load_minimal(archive, value, from, version);
  else
    CEREAL_LOAD_MINIMAL_FUNCTION_NAME(archive, value, from, version);
}

// The class that declares the member function serialize, where that can be seen.
template <class C, class R, class... A>
C owner_of(R (C::*)(A...));
template <class T>
auto declarer(int) -> decltype(owner_of(&T::template CEREAL_SERIALIZE_FUNCTION_NAME<Output>));
template <class T>
T declarer(...);
template <class T>
inline constexpr bool is_inherited = SerializedByMember<T> && !std::is_same_v<decltype(declarer<T>(0)), T>;

}  // namespace orrery::inline v0::detail::cereal_adapter
