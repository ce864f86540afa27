#!/usr/bin/env python3
"""The house's order (src/LAYERS): no include upward, no two modules that call each other, every public header compiles
alone as C11 and C++17, nothing but plait_* leaves the libraries, and system calls are made in src/os."""
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict

ROOT = os.environ.get("PLAIT_SOURCE") or os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("PLAIT_BUILD", os.path.join(ROOT, "build", "release"))
failures = []


def fail(text):
    failures.append(text)
    print("layers:", text)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def files(top, *endings):
    found = []
    for folder, _, names in os.walk(os.path.join(ROOT, top)):
        found += [os.path.relpath(os.path.join(folder, n), ROOT) for n in names if n.endswith(endings)]
    return sorted(found)


def strip(text):
    """Code without comments and strings; line numbers stay."""
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group().count("\n"), text, flags=re.S)
    return re.sub(r'"(\\.|[^"\\\n])*"', '""', re.sub(r"//[^\n]*", "", text))


def check_includes():
    order = re.findall(r"^(\w+)", "\n".join(l for l in read("src/LAYERS").split("\n") if not l.startswith("#")), re.M)
    for folder in sorted(os.listdir(os.path.join(ROOT, "src"))):
        if os.path.isdir(os.path.join(ROOT, "src", folder)) and folder not in order:
            fail(f"src/{folder} is not in src/LAYERS")
    for path in files("src", ".c", ".h"):
        own = path.split("/")[1]
        for name in re.findall(r'^\s*#\s*include\s+"([^"]+)"', read(path), re.M):
            other = name.split("/")[0]
            if "/" not in name or other not in order:
                fail(f'{path} includes "{name}": it must be written "folder/file.h" with a folder of src/LAYERS')
            elif own in order and order.index(other) > order.index(own):
                fail(f"{path} includes {name}, which lies above it")


def definitions(text):
    """Names of the functions a file defines: at the line's start, parameters, then a brace on a line of its own."""
    text = re.sub(r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)\s*", "", text)
    return re.findall(r"^(?!typedef|#)[A-Za-z_][^;{}()=\n]*?\b(\w+)\((?:[^;{}]|\n)*?\)\s*\n\{", text, re.M)


def check_pairs():
    where, edges, codes = defaultdict(set), defaultdict(set), {}
    for path in files("src", ".c") + files("tool", ".c"):
        codes[path] = strip(read(path))
        for name in definitions(codes[path]):
            where[name].add(path)
    unique = {name: next(iter(paths)) for name, paths in where.items() if len(paths) == 1}
    for path, code in codes.items():
        for word in set(re.findall(r"\b[A-Za-z_]\w+\b(?=\s*\()", code)):
            if unique.get(word, path) != path:
                edges[path].add((unique[word], word))
    for path in sorted(edges):
        for other in sorted({other for other, _ in edges[path] if path < other}):
            there, back = ({word for to, word in edges[a] if to == b} for a, b in ((path, other), (other, path)))
            if back:
                fail(f"{path} and {other} call each other: {', '.join(sorted(there | back))}")


def check_headers():
    compilers = [("gcc", "c", "c11"), ("g++", "c++", "c++17")]
    for header in ["include/plait.h"] + files("include/plait", ".h"):
        for compiler, language, standard in compilers:
            if shutil.which(compiler) is None:
                continue
            done = subprocess.run([compiler, "-x", language, "-std=" + standard, "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I" + os.path.join(ROOT, "include"), "-"],
                                  input=f'#include "{os.path.join(ROOT, header)}"\n', capture_output=True, text=True, check=False)
            if done.returncode:
                fail(f"{header} does not compile alone as {standard}:\n{done.stderr}")


def check_symbols():
    for library, how in (("libplait.so", "-D"), ("libplait.a", "-g")):
        path = os.path.join(BUILD, library)
        if not os.path.exists(path):
            fail(f"{path} is not there")
            continue
        out = subprocess.run(["nm", how, "--defined-only", path], capture_output=True, text=True, check=True).stdout
        names = [line.split()[2].split("@")[0] for line in out.split("\n") if len(line.split()) == 3]
        for name in names:
            # PLAIT_0 is the version's own name; sanitizers add theirs.
            if not re.match(r"plait_|PLAIT_0$|DW\.ref\.|(__)?(asan|tsan|ubsan|odr_asan|sancov)|__start_|__stop_", name):
                fail(f"{library} lets {name} out")


KERNEL = r"\b(?<![.>])(close|open|openat|read|write|pread|pwrite|dup|dup3|fcntl|ioctl|f?stat|ftruncate|memfd_create|m(?:un)?map|mremap|mprotect|madvise|mlock|kill|tgkill|wait|wait3|wait4|waitpid|waitid|prctl|syscall|vfork|clone|execv\w*|poll|epoll_\w+|eventfd|pipe2?|socket\w*|send\w*msg|recvmsg|nanosleep|usleep|clock_gettime|sched_yield|sched_[gs]et\w+|[gs]etrlimit)\s*\("


def check_kernel():
    for path in files("src", ".c", ".h"):
        for name in set(re.findall(KERNEL, strip(read(path)))) if not path.startswith("src/os/") else ():
            fail(f"{path} calls {name}: system calls are made in src/os")


check_includes()
check_kernel()
check_pairs()
check_headers()
check_symbols()
sys.exit(bool(failures))
