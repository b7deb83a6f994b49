# Finds the headers of msgpack-c's C++ library and makes the target orrery_msgpack_cxx. Debian's package installs its config under a
# name no find_package() call matches, and excludes Boost 1.81, so scripts/setup unpacks it beside Boost into .deps/msgpack-cxx.
find_path(MsgpackCxx_INCLUDE_DIR msgpack.hpp
          HINTS ${MSGPACK_CXX_ROOT} ${CMAKE_CURRENT_LIST_DIR}/../.deps/msgpack-cxx PATH_SUFFIXES include)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(MsgpackCxx REQUIRED_VARS MsgpackCxx_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "msgpack-c's C++ headers (msgpack.hpp) are needed: run scripts/setup, or set MSGPACK_CXX_ROOT to where they are")
if(MsgpackCxx_FOUND AND NOT TARGET orrery_msgpack_cxx)
  add_library(orrery_msgpack_cxx INTERFACE IMPORTED)
  target_include_directories(orrery_msgpack_cxx SYSTEM INTERFACE ${MsgpackCxx_INCLUDE_DIR})
endif()
mark_as_advanced(MsgpackCxx_INCLUDE_DIR)
