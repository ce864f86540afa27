#!/usr/bin/env python3
"""repeat.py BUILD TIMES JOBS [LABELS]: runs each test of a build directory TIMES times, JOBS tests side by side; `make check-long`.

Without CTest in between, which takes longer to start a test than most tests take. A test of FAIR seconds or more is repeated a
tenth as often. LABELS, a regular expression: tests with such a label are left out. Exit status 1: a test failed, with its output."""
import concurrent.futures
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


def run_once(command, about):
    """None, or what the test printed when it failed."""
    environment = dict(os.environ, **dict(e.split("=", 1) for e in about.get("ENVIRONMENT", [])))
    try:
        done = subprocess.run(command, env=environment, cwd=about["WORKING_DIRECTORY"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=about.get("TIMEOUT", 1500))
    except subprocess.TimeoutExpired as late:
        return (late.stdout or b"") + b"\n(did not end)"
    return None if done.returncode in (0, about.get("SKIP_RETURN_CODE", 0)) else done.stdout


def run_often(name, command, about, times):
    """How often it ran, and its last output if that run failed."""
    began, often, run = time.monotonic(), times, 0
    while run < often:
        text = run_once(command, about)
        run += 1
        if text is not None:
            return name, run, text.decode(errors="replace")
        if run == 1 and time.monotonic() - began >= FAIR:
            often = (times + 9) // 10
    return name, run, None


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    build, times, jobs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    tests = list(tests_of(build, sys.argv[4] if len(sys.argv) > 4 else "^$"))
    if not tests:
        sys.exit("repeat: no tests")
    runs = failed = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for end in concurrent.futures.as_completed([pool.submit(run_often, *test, times) for test in tests]):
            name, run, text = end.result()
            runs += run
            if text is not None:
                failed += 1
                print(f"{name} failed in its run {run}:\n{text}", flush=True)
    print(f"repeat: {len(tests)} tests, {runs} runs, {failed} tests failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
