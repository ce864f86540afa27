#!/usr/bin/env python3
"""plait doctor names every kernel feature and what replaces a hidden one; plait trace aligns what the
recorder writes and leaves other lines alone."""
import os
import re
import subprocess
import sys

TOOL = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.environ["PLAIT_BUILD"], "plait")
SOURCE = os.environ.get("PLAIT_SOURCE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))


def run(*arguments, given=None, **variables):
    done = subprocess.run([TOOL, *arguments], capture_output=True, text=True, timeout=60, input=given,
                          env=dict(os.environ, **variables))
    assert done.returncode == 0, done
    return done.stdout, done.stderr


def features():
    """Their names, as the contract lists them."""
    with open(os.path.join(SOURCE, "src/os/os.h")) as header:
        listed = re.search(r"enum os_feature \{(.*?)OS_FEATURES", header.read(), re.S).group(1)
    return [name.lower() for name in re.findall(r"OS_(\w+)", listed)]


def line_of(page, name):
    return next(line for line in page.split("\n") if line.split()[:1] == [name])


names = features()
assert len(names) >= 8, names
page, errors = run("doctor")
assert errors == "" and all(word in page for word in ("kernel ", "libc ", "CPUs ", "workers ")), page
for name in names:
    assert line_of(page, name).split()[1] in ("found", "none"), page
page, errors = run("doctor", PLAIT_OS=",".join("-" + name for name in names), PLAIT_WORKERS="3")
for name in names:
    assert line_of(page, name).split()[1] == "none", (name, page)
assert page.count("instead:") == page.count("costs:") == len(names), page
assert line_of(page, "workers").split()[1] == "3," and "PLAIT_WORKERS=3" in page, page
page, errors = run("doctor", PLAIT_WORKERS="many")
assert "PLAIT_WORKERS" in errors, errors

page, errors = run("trace", "-", given="0\tmain\trun\t1\t0\n1234567890\ta long name\tjoin\t12\t-5\nnot ours\n")
assert page.split("\n") == [
    "         ms  task         what  object  number",
    "   0.000000  main         run        1",
    "1234.567890  a long name  join      12  -5",
    "not ours",
    "",
], page
