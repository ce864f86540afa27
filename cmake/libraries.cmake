# libplait.so and libplait.a as they are installed: only plait_* leaves either.
set(map ${CMAKE_CURRENT_LIST_DIR}/plait.map)

add_library(plait SHARED)
target_link_libraries(plait PUBLIC plait_objects)
set_target_properties(plait PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0 LINK_DEPENDS ${map})
# nodelete: the kernel keeps pointers into our memory (robust lists), so the library must not be unloaded.
target_link_options(plait PRIVATE -Wl,--version-script=${map} -Wl,-z,nodelete -Wl,-Bsymbolic-functions)
if(NOT PLAIT_SANITIZE)
  target_link_options(plait PRIVATE -Wl,-z,defs)
endif()

# The static library is one object whose other names were made local, because a program that links it may have a
# wait_park of its own.
set(joined ${CMAKE_BINARY_DIR}/plait.o)
add_custom_command(OUTPUT ${joined}
  COMMAND ${CMAKE_LINKER} -r -o ${joined} $<TARGET_OBJECTS:plait_objects>
  COMMAND ${CMAKE_OBJCOPY} --wildcard --keep-global-symbol=plait_* ${joined}
  DEPENDS plait_objects $<TARGET_OBJECTS:plait_objects> COMMAND_EXPAND_LISTS VERBATIM)
add_library(plait_static STATIC ${joined})
set_source_files_properties(${joined} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
set_target_properties(plait_static PROPERTIES OUTPUT_NAME plait LINKER_LANGUAGE C)
target_include_directories(plait_static PUBLIC $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>)
target_link_libraries(plait_static PUBLIC Threads::Threads)
