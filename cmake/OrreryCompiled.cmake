# orrery::compiled, a static library of what orrery compiles for nobody's types in particular. Programs that link it include the same
# headers and compile in a fraction of the time; it is built with the flags of the project that asks for it, and only where one does.
add_library(orrery_compiled STATIC EXCLUDE_FROM_ALL ${ORRERY_COMPILED_SOURCE})
add_library(orrery::compiled ALIAS orrery_compiled)
target_link_libraries(orrery_compiled PUBLIC orrery::orrery)
target_compile_definitions(orrery_compiled INTERFACE ORRERY_COMPILED)
set_target_properties(orrery_compiled PROPERTIES POSITION_INDEPENDENT_CODE ON)
