# Finds libtorch's headers and libraries and makes the target orrery_libtorch. find_package(Torch) would want protobuf, glog and gflags as
# well, and stops the configuration where one of them is not there; where it was called before, its Torch_DIR says where to look.
find_path(LibTorch_INCLUDE_DIR ATen/core/Tensor.h HINTS ${Torch_DIR}/../../.. PATH_SUFFIXES include)
find_path(LibTorch_API_INCLUDE_DIR torch/torch.h HINTS ${LibTorch_INCLUDE_DIR}/torch/csrc/api/include PATH_SUFFIXES torch/csrc/api/include)
foreach(part torch torch_cpu c10)
  find_library(LibTorch_${part}_LIBRARY ${part} HINTS ${Torch_DIR}/../../.. PATH_SUFFIXES lib)
  mark_as_advanced(LibTorch_${part}_LIBRARY)
endforeach()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch REQUIRED_VARS LibTorch_torch_LIBRARY LibTorch_torch_cpu_LIBRARY LibTorch_c10_LIBRARY
                                                         LibTorch_INCLUDE_DIR LibTorch_API_INCLUDE_DIR)
if(LibTorch_FOUND AND NOT TARGET orrery_libtorch)
  add_library(orrery_libtorch INTERFACE IMPORTED)
  target_include_directories(orrery_libtorch SYSTEM INTERFACE ${LibTorch_INCLUDE_DIR} ${LibTorch_API_INCLUDE_DIR})
  target_link_libraries(orrery_libtorch INTERFACE ${LibTorch_torch_LIBRARY} ${LibTorch_torch_cpu_LIBRARY} ${LibTorch_c10_LIBRARY})
endif()
mark_as_advanced(LibTorch_INCLUDE_DIR LibTorch_API_INCLUDE_DIR)
