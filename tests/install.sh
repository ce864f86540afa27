#!/usr/bin/env bash
# What is installed works: a newcomer's program compiles by pkg-config and by CMake, shared and static, and says what the README says.
set -eu
: "${PLAIT_BUILD:?}" "${PLAIT_SOURCE:?}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$PLAIT_BUILD" --prefix "$work/usr" >/dev/null
lib=$(dirname "$(find "$work/usr" -name libplait.so)")
export PKG_CONFIG_PATH=$lib/pkgconfig LD_LIBRARY_PATH=$lib
flags=$(sed -n 's/^CMAKE_C_FLAGS:.*=//p; s/^PLAIT_SANITIZE:STRING=\(..*\)/-fsanitize=\1/p' "$PLAIT_BUILD/CMakeCache.txt")

# The README's program, so that the README is true.
sed -n '/^```c$/,/^```$/p' "$PLAIT_SOURCE/README.md" | sed '/^```/d' >"$work/program.c"
sed -n '/^```c$/,/^```$/p' "$PLAIT_SOURCE/README.zh-CN.md" | sed '/^```/d' | cmp - "$work/program.c"
printf 'worker says hello\nworker returned 7\n' >"$work/expected"

for carrier in PROCESS THREAD COROUTINE; do
    sed "s/PLAIT_PROCESS/PLAIT_$carrier/" "$work/program.c" >"$work/$carrier.c"
    # shellcheck disable=SC2046,SC2086 # lists of flags
    cc -Wall -Wextra -Werror $flags "$work/$carrier.c" -o "$work/$carrier" $(pkg-config --cflags --libs plait)
    "$work/$carrier" | diff "$work/expected" -
done
# shellcheck disable=SC2046,SC2086
cc $flags "$work/program.c" -o "$work/static" $(pkg-config --cflags plait) "$lib/libplait.a" -pthread
"$work/static" | diff "$work/expected" -

cat >"$work/CMakeLists.txt" <<'TEXT'
cmake_minimum_required(VERSION 3.25)
project(newcomer C)
find_package(plait 0.1 REQUIRED)
add_executable(program program.c)
target_link_libraries(program plait::plait)
add_executable(program_static program.c)
target_link_libraries(program_static plait::static)
TEXT
cmake -S "$work" -B "$work/build" -G Ninja -DCMAKE_PREFIX_PATH="$work/usr" -DCMAKE_C_FLAGS="$flags" >/dev/null
cmake --build "$work/build" >/dev/null
"$work/build/program" | diff "$work/expected" -
"$work/build/program_static" | diff "$work/expected" -

if command -v python3 >/dev/null; then
    [ -e "$work/usr/share/man/man3/plait_start.3" ] && [ -e "$work/usr/share/man/man3/plait_queue_open.3" ]
fi
