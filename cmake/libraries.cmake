# The libraries: libplait.so and libplait.a as they are installed, from which only plait_* leaves, and libplait-whole.a with
# its internal names, which the tests and the tool of this tree link.
# A static library is one object: otherwise the linker would leave out files that only register themselves (constructors fill in
# tables). In the one that is installed the other names are local, because a program may have a wait_park of its own.
# But for DW.ref.*, which compilers make for all objects together: a local one cannot be linked into a static-PIE program.
function(plait_static_library target file)
  add_library(${target} STATIC ${file})
  set_source_files_properties(${file} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE C)
  target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>)
  target_link_libraries(${target} PUBLIC Threads::Threads)
endfunction()

set(whole ${CMAKE_BINARY_DIR}/whole.o)
add_custom_command(OUTPUT ${whole}
  COMMAND ${CMAKE_LINKER} -r -o ${whole} $<TARGET_OBJECTS:plait_objects>
  DEPENDS plait_objects $<TARGET_OBJECTS:plait_objects> COMMAND_EXPAND_LISTS VERBATIM)
plait_static_library(plait_whole ${whole})
set_target_properties(plait_whole PROPERTIES OUTPUT_NAME plait-whole)
if(PLAIT_EXPLORE)
  return() # its accesses call the explorer of tests/explore: no library to install
endif()

set(public ${CMAKE_BINARY_DIR}/public.o)
add_custom_command(OUTPUT ${public}
  COMMAND ${CMAKE_OBJCOPY} --wildcard --keep-global-symbol=plait_* "--keep-global-symbol=DW.ref.*" ${whole} ${public}
  DEPENDS ${whole} VERBATIM)
plait_static_library(plait_static ${public})
add_dependencies(plait_static plait_whole)
set_target_properties(plait_static PROPERTIES OUTPUT_NAME plait)

set(map ${CMAKE_CURRENT_LIST_DIR}/plait.map)

add_library(plait SHARED)
target_link_libraries(plait PUBLIC plait_objects)
set_target_properties(plait PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0 LINK_DEPENDS ${map})
# nodelete: the kernel keeps pointers into our memory (robust lists), so the library must not be unloaded.
target_link_options(plait PRIVATE -Wl,--version-script=${map} -Wl,-z,nodelete -Wl,-Bsymbolic-functions)
if(NOT PLAIT_SANITIZE)
  target_link_options(plait PRIVATE -Wl,-z,defs)
endif()
