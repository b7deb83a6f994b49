// An exception as bytes, so that what goes wrong in one process can be thrown in all of them: the same type, key path, file and lists of
// differences, under a message that says whose it is.
#pragma once

#include <cstdint>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/byte_io.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"

namespace orrery::inline v0::distributed {

// What crosses the wire. Exceptions that are not orrery's own become an Error with their text.
struct EncodedError {
  enum class Type : std::uint8_t {
    error,
    not_found,
    already_exists,
    argument,
    format,
    data_loss,
    timeout,
    cancelled,
    io,
    mismatch,
    key,
    shape,
    dtype,
    structure
  };

  Type type = Type::error;
  std::string message{};  // without the place
  Where where{};
  int code = 0;  // IoError
  Differences differences{};

  template <OnUse = OnUse()>
  static EncodedError of(const std::exception_ptr& error);
  template <OnUse = OnUse()>
  std::string bytes() const;
  // FormatError for bytes that bytes() has not made.
  template <OnUse = OnUse()>
  static EncodedError from(std::string_view bytes);
  // The exception it stands for.
  template <OnUse = OnUse()>
  [[noreturn]] void raise() const;
};

namespace detail {

// The message as it was before the place was added to it.
template <OnUse = OnUse()>
inline std::string message_of(const Error& error) {
  std::string text = error.what();
  const std::string place = Error("", error.where()).what();
  if (text.ends_with(place)) text.resize(text.size() - place.size());
  return text;
}

template <OnUse = OnUse()>
inline EncodedError::Type type_of(const Error& error) noexcept {
  using Type = EncodedError::Type;
  const auto is = [&error]<class E>(const E*) { return dynamic_cast<const E*>(&error) != nullptr; };
  if (is(static_cast<const NotFoundError*>(nullptr))) return Type::not_found;
  if (is(static_cast<const AlreadyExistsError*>(nullptr))) return Type::already_exists;
  if (is(static_cast<const ArgumentError*>(nullptr))) return Type::argument;
  if (is(static_cast<const FormatError*>(nullptr))) return Type::format;
  if (is(static_cast<const DataLossError*>(nullptr))) return Type::data_loss;
  if (is(static_cast<const TimeoutError*>(nullptr))) return Type::timeout;
  if (is(static_cast<const CancelledError*>(nullptr))) return Type::cancelled;
  if (is(static_cast<const IoError*>(nullptr))) return Type::io;
  if (is(static_cast<const KeyError*>(nullptr))) return Type::key;
  if (is(static_cast<const ShapeError*>(nullptr))) return Type::shape;
  if (is(static_cast<const DTypeError*>(nullptr))) return Type::dtype;
  if (is(static_cast<const StructureError*>(nullptr))) return Type::structure;
  if (is(static_cast<const MismatchError*>(nullptr))) return Type::mismatch;
  return Type::error;
}

template <OnUse = OnUse()>
inline void put_text(ByteWriter& out, std::string_view text) {
  out.varint(text.size());
  out.text(text);
}
template <OnUse = OnUse()>
inline std::string get_text(ByteReader& in) {
  return std::string(in.text(in.v64()));
}

template <OnUse = OnUse()>
inline void put_differences(ByteWriter& out, const std::vector<Difference>& list) {
  out.varint(list.size());
  for (const Difference& difference : list) {
    put_text(out, difference.path);
    put_text(out, difference.message);
  }
}
template <OnUse = OnUse()>
inline std::vector<Difference> get_differences(ByteReader& in) {
  std::vector<Difference> list;
  for (std::uint64_t left = in.v64(); left > 0; --left) {
    Difference& difference = list.emplace_back();
    difference.path = get_text(in);
    difference.message = get_text(in);
  }
  return list;
}

}  // namespace detail

template <OnUse>
inline EncodedError EncodedError::of(const std::exception_ptr& error) {
  EncodedError out;
  try {
    std::rethrow_exception(error);
  } catch (const Error& own) {
    out.type = detail::type_of(own);
    out.message = detail::message_of(own);
    out.where = own.where();
    if (const auto* io = dynamic_cast<const IoError*>(&own)) out.code = io->code();
    if (const auto* mismatch = dynamic_cast<const MismatchError*>(&own))
      out.differences = {mismatch->missing(), mismatch->extra(), mismatch->shapes(), mismatch->dtypes(), mismatch->kinds()};
  } catch (const std::bad_alloc&) {
    out.message = "there is no memory left";
  } catch (const std::exception& other) {
    out.message = other.what();
  } catch (...) {
    out.message = "an exception that is no std::exception";
  }
  return out;
}

template <OnUse>
inline std::string EncodedError::bytes() const {
  std::string text;
  ByteWriter out(text);
  out.u8(static_cast<std::uint8_t>(type));
  detail::put_text(out, message);
  detail::put_text(out, where.key_path);
  detail::put_text(out, where.file);
  out.u8(where.offset.has_value());
  out.u64le(where.offset.value_or(0));
  out.u32le(static_cast<std::uint32_t>(code));
  for (const auto* list : {&differences.missing, &differences.extra, &differences.shapes, &differences.dtypes, &differences.kinds})
    detail::put_differences(out, *list);
  return text;
}

template <OnUse>
inline EncodedError EncodedError::from(std::string_view bytes) {
  ByteReader in(bytes, "message of another process");
  EncodedError out;
  const std::uint8_t type = in.u8();
  if (type > static_cast<std::uint8_t>(Type::structure)) in.fail("expected a type of error, found " + std::to_string(type));
  out.type = static_cast<Type>(type);
  out.message = detail::get_text(in);
  out.where.key_path = detail::get_text(in);
  out.where.file = detail::get_text(in);
  const bool has_offset = in.u8() != 0;
  const std::uint64_t offset = in.u64le();
  if (has_offset) out.where.offset = offset;
  out.code = static_cast<int>(in.u32le());
  for (auto* list :
       {&out.differences.missing, &out.differences.extra, &out.differences.shapes, &out.differences.dtypes, &out.differences.kinds})
    *list = detail::get_differences(in);
  in.expect_end("an error");
  return out;
}

template <OnUse>
inline void EncodedError::raise() const {
  switch (type) {
    case Type::error: throw Error(message, where);
    case Type::not_found: throw NotFoundError(message, where);
    case Type::already_exists: throw AlreadyExistsError(message, where);
    case Type::argument: throw ArgumentError(message, where);
    case Type::format: throw FormatError(message, where);
    case Type::data_loss: throw DataLossError(message, where);
    case Type::timeout: throw TimeoutError(message, where);
    case Type::cancelled: throw CancelledError(message, where);
    case Type::io: throw IoError(message, code, where);
    case Type::mismatch: throw MismatchError(message, differences, where);
    case Type::key: throw KeyError(message, differences, where);
    case Type::shape: throw ShapeError(message, differences, where);
    case Type::dtype: throw DTypeError(message, differences, where);
    case Type::structure: throw StructureError(message, differences, where);
  }
  throw Error(message, where);
}

}  // namespace orrery::inline v0::distributed
