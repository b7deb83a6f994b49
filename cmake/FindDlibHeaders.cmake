# Finds dlib's headers and makes the target orrery_dlib_headers. Its matrices are templates: who uses no more of dlib links no library,
# where dlib::dlib brings BLAS, LAPACK, PNG and JPEG.
find_path(DlibHeaders_INCLUDE_DIR dlib/matrix/matrix.h)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(DlibHeaders REQUIRED_VARS DlibHeaders_INCLUDE_DIR)
if(DlibHeaders_FOUND AND NOT TARGET orrery_dlib_headers)
  add_library(orrery_dlib_headers INTERFACE IMPORTED)
  target_include_directories(orrery_dlib_headers SYSTEM INTERFACE ${DlibHeaders_INCLUDE_DIR})
endif()
mark_as_advanced(DlibHeaders_INCLUDE_DIR)
