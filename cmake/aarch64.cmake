# Cross build for aarch64 with Debian's gcc-aarch64-linux-gnu; tests run under qemu-user where it is installed.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_FIND_ROOT_PATH /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
# The build machine's pkg-config would answer with libraries of the wrong machine.
set(PKG_CONFIG_EXECUTABLE /bin/false)
find_program(PLAIT_QEMU NAMES qemu-aarch64 qemu-aarch64-static)
if(PLAIT_QEMU)
  set(CMAKE_CROSSCOMPILING_EMULATOR ${PLAIT_QEMU};-L;/usr/aarch64-linux-gnu)
endif()
