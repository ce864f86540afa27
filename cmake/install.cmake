# What `make install` puts where: headers, both libraries, plait.pc, the CMake package, the tool, the man pages.
include(CMakePackageConfigHelpers)
set(PLAIT_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/plait)
string(REGEX REPLACE "[^/]+" ".." PLAIT_CMAKE_UP "${PLAIT_CMAKE_DIR}")
string(REGEX REPLACE "[^/]+" ".." PLAIT_PC_UP "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

configure_file(plait.pc.in ${CMAKE_BINARY_DIR}/plait.pc @ONLY)
configure_file(cmake/plait-config.cmake.in ${CMAKE_BINARY_DIR}/plait-config.cmake @ONLY)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/plait-config-version.cmake COMPATIBILITY SameMinorVersion)

install(FILES include/plait.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY include/plait DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(TARGETS plait plait_static LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${CMAKE_BINARY_DIR}/plait.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES ${CMAKE_BINARY_DIR}/plait-config.cmake ${CMAKE_BINARY_DIR}/plait-config-version.cmake DESTINATION ${PLAIT_CMAKE_DIR})
install(FILES tool/plait-gdb.py DESTINATION ${CMAKE_INSTALL_DATADIR}/plait)
if(TARGET plait_tool)
  install(TARGETS plait_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

# Man pages come from the headers, so that nothing is told twice; without Python there are none.
find_package(Python3 COMPONENTS Interpreter QUIET)
if(Python3_FOUND AND EXISTS ${CMAKE_SOURCE_DIR}/man/generate.py)
  file(GLOB headers CONFIGURE_DEPENDS include/plait.h include/plait/*.h)
  file(GLOB written CONFIGURE_DEPENDS man/*.[1-8])
  add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/man/stamp
    COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/man/generate.py ${CMAKE_BINARY_DIR}/man
    COMMAND ${CMAKE_COMMAND} -E touch ${CMAKE_BINARY_DIR}/man/stamp
    DEPENDS man/generate.py ${headers} VERBATIM)
  add_custom_target(man ALL DEPENDS ${CMAKE_BINARY_DIR}/man/stamp)
  install(DIRECTORY ${CMAKE_BINARY_DIR}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man3 FILES_MATCHING PATTERN "*.3")
  foreach(page IN LISTS written)
    string(REGEX MATCH "[1-8]$" section ${page})
    install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
  endforeach()
endif()

# What install needs, for `make install` and `make tour`, which build no tests.
add_custom_target(installed DEPENDS plait plait_static)
foreach(target plait_tool man)
  if(TARGET ${target})
    add_dependencies(installed ${target})
  endif()
endforeach()
