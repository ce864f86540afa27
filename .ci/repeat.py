#!/usr/bin/env python3
"""repeat.py BUILD TIMES JOBS LABELS COMMIT: runs each new test of a build directory TIMES times, JOBS tests side by side; `make
check-long`.

New is a test of a program that, or a header of which, has changed since COMMIT; the others are repeated a tenth as often, and those
of FAIR seconds or more a tenth of what they would be; a COMMIT that git does not know, "" for example, makes all of them new.
Without CTest in between, which takes longer to start a test than most tests take. LABELS, a regular expression: tests with such a
label are left out. Exit status 1: a test failed, with its output."""
import concurrent.futures
import glob
import json
import os
import re
import subprocess
import sys
import time

FAIR = 0.2


def tests_of(build, left_out):
    shown = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"], check=True, capture_output=True)
    for test in json.loads(shown.stdout)["tests"]:
        about = {p["name"]: p["value"] for p in test.get("properties", [])}
        if not any(re.search(left_out, label) for label in about.get("LABELS", [])):
            yield test["name"], test["command"], about


def new_programs(commit):
    """Names of programs; None: all."""
    diff = subprocess.run(["git", "diff", "--name-only", commit, "--", "tests"], capture_output=True, text=True)
    if diff.returncode or not commit:
        return None
    changed = set(diff.stdout.split())
    headers = [f'"{os.path.basename(path)}"' for path in changed if re.fullmatch(r"tests/\w+\.h", path)]
    sources = {path: open(path).read() for path in glob.glob("tests/test_*.c")}
    return {os.path.basename(path)[:-2] for path, text in sources.items()
            if path in changed or any(header in text for header in headers)}


def run_once(command, about):
    """None, or what the test printed when it failed."""
    environment = dict(os.environ, **dict(e.split("=", 1) for e in about.get("ENVIRONMENT", [])))
    try:
        done = subprocess.run(command, env=environment, cwd=about["WORKING_DIRECTORY"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=about.get("TIMEOUT", 1500))
    except subprocess.TimeoutExpired as late:
        return (late.stdout or b"") + b"\n(did not end)"
    return None if done.returncode in (0, about.get("SKIP_RETURN_CODE", 0)) else done.stdout


def tenth(times):
    return (times + 9) // 10


def run_often(name, command, about, times):
    """How often it ran, and its last output if that run failed."""
    began, often, run = time.monotonic(), times, 0
    while run < often:
        text = run_once(command, about)
        run += 1
        if text is not None:
            return name, run, text.decode(errors="replace")
        if run == 1 and time.monotonic() - began >= FAIR:
            often = tenth(times)
    return name, run, None


def often(test, times, new):
    return times if new is None or test[0].split("/")[0] in new else tenth(times)


def main():
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    build, times, jobs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    tests, new = list(tests_of(build, sys.argv[4])), new_programs(sys.argv[5])
    if not tests:
        sys.exit("repeat: no tests")
    runs = failed = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for end in concurrent.futures.as_completed([pool.submit(run_often, *test, often(test, times, new)) for test in tests]):
            name, run, text = end.result()
            runs += run
            if text is not None:
                failed += 1
                print(f"{name} failed in its run {run}:\n{text}", flush=True)
    print(f"repeat: {len(tests)} tests, {runs} runs, {failed} tests failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
