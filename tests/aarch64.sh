#!/usr/bin/env bash
# src/os on the other CPU: a static program, cross compiled with all warnings, run by qemu-user; at -O0 too, where nothing is inlined.
set -eu
: "${PLAIT_SOURCE:?}"
compiler=aarch64-linux-gnu-gcc
if ! command -v $compiler >/dev/null || ! command -v qemu-aarch64 >/dev/null; then
    echo "needs $compiler and qemu-aarch64"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for level in -O0 -O2; do
    $compiler -std=gnu11 -D_GNU_SOURCE $level -g -Wall -Wextra -Wshadow -Wno-unused-parameter -Werror -static \
        -Wl,--fatal-warnings -I"$PLAIT_SOURCE/include" -I"$PLAIT_SOURCE/src" "$PLAIT_SOURCE"/src/os/*.c "$PLAIT_SOURCE/src/os/context_aarch64.S" \
        "$PLAIT_SOURCE/tests/aarch64/os.c" -o "$work/os" -pthread
    timeout 100 qemu-aarch64 "$work/os"
done
