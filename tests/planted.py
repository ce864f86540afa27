#!/usr/bin/env python3
"""planted.py [WORD...]: faults planted in coroutines, which AddressSanitizer, ThreadSanitizer and Valgrind must report with the
right frames; the clean twin of each must make them say nothing. Words pick builds, as "gcc" or "tsan".

plait's sources are compiled once for each compiler and tool. A compiler that is not installed is left out, and named; without any
the test is skipped.
"""
import concurrent.futures
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.environ.get("PLAIT_SOURCE") or os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HERE = os.path.join(ROOT, "tests/planted")
FLAGS = ["-std=gnu11", "-g", "-O1", "-w", "-D_GNU_SOURCE", "-fno-omit-frame-pointer", "-fno-optimize-sibling-calls",
         "-pthread", f"-I{ROOT}/include", f"-I{ROOT}/src"]
TOOLS = {"asan": ["-fsanitize=address"], "tsan": ["-fsanitize=thread"], "valgrind": ["-DPLAIT_VALGRIND"]}
OPTIONS = {"PLAIT_WORKERS": "2", "ASAN_OPTIONS": "detect_stack_use_after_return=1:detect_leaks=1", "TSAN_OPTIONS": "",
           "PLAIT_OS": "-epoll_pwait2"}  # a call that Valgrind 3.19 does not know and would complain of
VALGRIND = ["valgrind", "--quiet", "--error-exitcode=66", "--leak-check=no", "--fair-sched=yes"]

# Tool, program, and what its report must say, in this order. "#N" stands for a frame's number.
FRAME = r"#\d+ .*\b"
CASES = [
    ("asan", "overflow", ["ERROR: AddressSanitizer: stack-buffer-overflow", FRAME + "write_behind", FRAME + "sleep_and_write",
                          FRAME + "task_run", FRAME + "co_entry", "in frame", FRAME + "write_behind", "'numbers'"]),
    ("asan", "after_return", ["ERROR: AddressSanitizer: stack-use-after-return", FRAME + "read_dead_frame", FRAME + "leaver",
                              FRAME + "co_entry", "in frame", FRAME + "leave_frame", "'local'"]),
    ("tsan", "race", ["WARNING: ThreadSanitizer: data race", r"(Read|Write) of size 4 .*by thread T\d+", FRAME + "write_(left|right)",
                      FRAME + "(left|right)", "Previous (?:read|write) of size 4 .*by thread", FRAME + "write_(left|right)",
                      FRAME + "(left|right)", "Location is global 'written'"]),
    ("tsan", "check_then_act", ["WARNING: ThreadSanitizer: data race", r"(Read|Write) of size \d .*by thread T\d+",
                                FRAME + "buy_if_left", FRAME + "buyer", r"Previous (?:read|write) of size \d .*by thread",
                                FRAME + "buy_if_left", FRAME + "buyer", "Location is global 'left'"]),
    ("valgrind", "invalid_read", ["Invalid read of size 4", "read_freed", "sleep_and_read", "task_run", "co_entry",
                                  "is 0 bytes inside a block of size 4 free'd", "read_freed"]),
]
# What must stand in the report somewhere: both names of a race, of functions and of tasks.
BOTH = {"race": ["write_left", "write_right", "'the-left-one'", "'the-right-one'"],
        "check_then_act": ["'the-first-buyer'", "'the-second-buyer'"]}


def compile_one(job):
    done = subprocess.run(job, capture_output=True, text=True)
    return done.returncode and f"{' '.join(job)}\n{done.stderr}"


def build(compiler, tool, place):
    """Objects of plait once, then each program of this tool linked with them."""
    sources = glob.glob(f"{ROOT}/src/*/*.c") + [f"{ROOT}/src/os/context_{os.uname().machine}.S"]
    flags = FLAGS + TOOLS[tool]
    objects = [os.path.join(place, source[len(ROOT) + 1:].replace("/", "_") + ".o") for source in sources]
    jobs = [[compiler, *flags, "-c", source, "-o", out] for source, out in zip(sources, objects)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        wrong = [text for text in pool.map(compile_one, jobs) if text]
    for program in [case[1] for case in CASES if case[0] == tool]:
        wrong += filter(None, [compile_one([compiler, *flags, f"{HERE}/{program}.c", *objects, "-o", f"{place}/{program}"])])
    if wrong:
        sys.exit(f"planted: {wrong[0]}")


def run(tool, program, word):
    command = [program, word]
    if tool == "valgrind":
        command = VALGRIND + command
    done = subprocess.run(command, env={**os.environ, **OPTIONS}, capture_output=True, text=True, errors="replace", timeout=120)
    # On a busy machine the watcher rightly says that a worker stands still: that is not about memory.
    return done.returncode, re.sub(r"plait: worker \d+ has not switched .*\n", "", done.stdout + done.stderr)


def missing(report, patterns):
    """The first pattern that does not follow the ones before it; None: all are there."""
    at = 0
    for pattern in patterns:
        found = re.compile(pattern).search(report, at)
        if not found:
            return pattern
        at = found.end()
    return None


def check_once(tool, program, path, patterns):
    """What is wrong with the reports on the fault and on its twin; None: nothing."""
    status, report = run(tool, path, "clean")
    if status != 0 or report:
        return f"the clean twin ended with {status} and this report:\n{report}"
    status, report = run(tool, path, "fault")
    if status == 0:
        return f"the fault was not reported:\n{report}"
    lost = missing(report, patterns) or next((word for word in BOTH.get(program, []) if word not in report), None)
    return lost and f"the report does not say \"{lost}\":\n{report}"


def check(tool, program, path, patterns):
    """A race is found by ThreadSanitizer if its shadow still holds the earlier access: likely, not certain on a busy
    machine. So the faulty program runs until it is found, at most 20 times; the others must be found at once."""
    for _ in range(20 if tool == "tsan" else 1):
        wrong = check_once(tool, program, path, patterns)
        # The watcher names a coroutine by a hint, read beside who writes it: on a late machine that is a report too.
        if not wrong or ("the fault was not reported" not in wrong and "watch_name_stuck" not in wrong):
            break
    return wrong


def builds(words):
    for compiler in "gcc", "clang":
        for tool in TOOLS:
            name = f"{compiler}-{tool}"
            if not all(word in name for word in words) or (tool == "valgrind" and compiler == "clang"):
                continue
            needed = [compiler, "valgrind"] if tool == "valgrind" else [compiler]
            lost = [one for one in needed if not shutil.which(one)]
            if tool == "valgrind" and not os.path.exists("/usr/include/valgrind/valgrind.h"):
                lost.append("valgrind/valgrind.h")
            if lost:
                print(f"{name}: not tried, there is no {' and no '.join(lost)}")
                continue
            yield name, compiler, tool


def main():
    tried = failed = 0
    for name, compiler, tool in builds(sys.argv[1:]):
        with tempfile.TemporaryDirectory(prefix="plait-planted-") as place:
            build(compiler, tool, place)
            for program, patterns in [case[1:] for case in CASES if case[0] == tool]:
                wrong = check(tool, program, f"{place}/{program}", patterns)
                print(f"{name}: {program}: {wrong or 'found, and nothing else'}", flush=True)
                tried += 1
                failed += bool(wrong)
    sys.exit(77 if not tried else 1 if failed else 0)


main()
