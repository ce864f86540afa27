#!/bin/bash
# Programs in a new image, as they can be linked: the image is caught after all constructors, main never runs twice, functions
# are found again or refused by name.
set -u
build=${PLAIT_BUILD:-build/release}
source=${PLAIT_SOURCE:-$(cd "$(dirname "$0")/.." && pwd)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

fail()
{
    echo "images: $*"
    failures=$((failures + 1))
}

command -v gcc >/dev/null && [ -e "$build/libplait.so" ] && [ -e "$build/libplait.a" ] || { echo "images: no gcc or no libraries"; exit 77; }
grep -q 'PLAIT_SANITIZE:STRING=..*' "$build/CMakeCache.txt" && { echo "images: not under a sanitizer"; exit 77; }

unset DEPTH
cat >program.c <<'END'
#include <plait.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static int made;
int in_library(void *arg);
static int in_program(void *arg)
{
    return made * 100 + *(int *)arg; /* 3: every constructor has run */
}
static int start_one(plait_function *function, plait_method method)
{
    int arg = 7, status = 1;
    plait_task *task;
    plait_start_options options = {.method = method, .arg_size = sizeof arg};
    int rc = plait_start(&task, PLAIT_PROCESS, function, &arg, &options);
    return rc == 0 && (rc = plait_join(task, &status, plait_after(20 * PLAIT_SECOND))) == 0 ? status : rc;
}
#ifdef NAMED
PLAIT_FUNCTION(in_program)
#endif
__attribute__((constructor(103))) static void early(void) { made++; }
__attribute__((constructor)) static void late(void) { made++; }
#ifdef BOMB
__attribute__((constructor)) static void bomb(void)
{
    char depth[2] = {getenv("DEPTH") ? *getenv("DEPTH") + 1 : '0', 0};
    if (*depth > '3')
        _exit(9); /* it is one */
    setenv("DEPTH", depth, 1);
    dprintf(2, "constructor: %d\n", start_one(in_program, PLAIT_SPAWN));
}
#endif
__attribute__((constructor(65535))) static void last(int argc, char **argv, char **environment)
{
    made += argc == 1 && argv[0] && environment && !getenv("PLAIT_SPAWN");
}
int main(int argc, char **argv)
{
    dprintf(2, "main\n");
#ifdef GONE
    if (unlink(argv[0]) || symlink("/bin/true", argv[0])) return 1;
#endif
    for (plait_method method = PLAIT_SPAWN; method <= PLAIT_FORKSERVER; method++)
#ifdef LIBRARY
        printf("%d %d\n", start_one(in_program, method), start_one(in_library, method));
#else
        printf("%d\n", start_one(in_program, method));
#endif
    return 0;
}
END
echo 'int in_library(void *arg); int in_library(void *arg) { return *(int *)arg + 1000; }' >library.c

# NAME EXPECTED FLAGS...: what it prints; "main" must stand on stderr once
check()
{
    local name=$1 expected=$2
    shift 2
    gcc -std=gnu11 -O1 -I"$source/include" program.c -o "$name" "$@" -pthread 2>link.txt || { cat link.txt; fail "$name is not built"; return; }
    timeout -k 2 60 "./$name" >out.txt 2>err.txt || fail "$name ended with $?"
    [ "$(tr '\n' ' ' <out.txt)" = "$expected " ] || fail "$name printed '$(cat out.txt)' instead of '$expected': $(cat err.txt)"
    [ "$(grep -c '^main$' err.txt)" = 1 ] || fail "$name: main ran $(grep -c '^main$' err.txt) times"
}

gcc -O1 -shared -fPIC library.c -o libother.so
shared=(-L"$build" -lplait -Wl,-rpath,"$build")
check shared "307 307" "${shared[@]}"
check archive "307 307" "$build/libplait.a"
check no-pie "307 307" -no-pie "$build/libplait.a"
check library "307 1007 307 1007" -DLIBRARY "${shared[@]}" ./libother.so
check gone "307 307" -DGONE "$build/libplait.a"
check named "307 307" -DNAMED -Wl,--build-id=none "$build/libplait.a"
if echo 'int main(void) { return 0; }' | gcc -static -x c - -o /dev/null 2>/dev/null; then
    check static "307 307" -static "$build/libplait.a"
    check static-pie "307 307" -static-pie "$build/libplait.a"
    check static-named "307 307" -static -DNAMED -Wl,--build-id=none "$build/libplait.a"
fi
check unnamed "-5001 -5001" -Wl,--build-id=none "$build/libplait.a"
grep -q 'PLAIT_FUNCTION(in_program)\|PLAIT_FUNCTION(function)' err.txt || fail "nothing told the line to add: $(cat err.txt)"

# A constructor that starts a process: each image's is refused, so there is no bomb.
check bomb "307 307" -DBOMB "$build/libplait.a"
[ "$(sort err.txt | uniq -c | tr -s ' \n' ' ')" = " 3 constructor: -16 1 constructor: 307 1 main " ] || fail "bomb: $(cat err.txt)"

# Loaded by dlopen: there is no moment before main at which a new image could be caught.
cat >plugin.c <<'END'
#include <plait.h>
static int nothing(void *arg) { return 0; }
int plugin(void)
{
    plait_task *task;
    return plait_start(&task, PLAIT_PROCESS, nothing, 0, &(plait_start_options){.method = PLAIT_SPAWN});
}
END
cat >host.c <<'END'
#include <dlfcn.h>
#include <stdio.h>
int main(void)
{
    void *handle = dlopen("./plugin.so", RTLD_NOW);
    int (*plugin)(void) = handle ? (int (*)(void))dlsym(handle, "plugin") : 0;
    return plugin ? printf("%d\n", plugin()), 0 : (puts(dlerror()), 1);
}
END
gcc -std=gnu11 -O1 -I"$source/include" -shared -fPIC plugin.c -o plugin.so "${shared[@]}" && gcc host.c -o host -ldl || fail "host is not built"
[ "$(timeout -k 2 60 ./host)" = -95 ] || fail "loaded later: $(./host)"

# The variable means nothing to a process that it was not written for.
[ "$(PLAIT_SPAWN='0 1' ./archive 2>/dev/null | tr '\n' ' ')" = "307 307 " ] || fail "a stale variable"
exit $((failures > 0))
