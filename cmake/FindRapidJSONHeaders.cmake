# Finds RapidJSON's headers and makes the target orrery_rapidjson.
find_path(RapidJSONHeaders_INCLUDE_DIR rapidjson/reader.h)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(RapidJSONHeaders REQUIRED_VARS RapidJSONHeaders_INCLUDE_DIR)
if(RapidJSONHeaders_FOUND AND NOT TARGET orrery_rapidjson)
  add_library(orrery_rapidjson INTERFACE IMPORTED)
  target_include_directories(orrery_rapidjson SYSTEM INTERFACE ${RapidJSONHeaders_INCLUDE_DIR})
endif()
mark_as_advanced(RapidJSONHeaders_INCLUDE_DIR)
