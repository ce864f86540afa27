#!/usr/bin/env python3
"""plait shm lists names with their users, tells stale and damaged ones, and takes only those away."""
import json
import os
import subprocess
import sys
import tempfile

BUILD = os.environ["PLAIT_BUILD"]
SOURCE = os.environ.get("PLAIT_SOURCE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
TOOL = os.path.join(BUILD, "plait")
HOLDER = r"""
#include <plait.h>
#include <stdio.h>
int main(int argc, char **argv)
{
    plait_segment_options options = {.limit = 100000};
    if (!plait_segment_open(argv[1], 1000, &options))
        return 1;
    puts("open");
    fflush(stdout);
    return getchar() == EOF ? 0 : 2;
}
"""


def listed(*options):
    done = subprocess.run([TOOL, "shm", "--json", *options], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == "", done
    return {one["name"]: one for one in json.loads(done.stdout)["names"]}


def page(*options):
    done = subprocess.run([TOOL, "shm", *options], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == "", done
    return done.stdout


def holder(program, name):
    process = subprocess.Popen([program, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "open\n"
    return process


with tempfile.TemporaryDirectory() as folder:
    program = os.path.join(folder, "holder")
    source = program + ".c"
    with open(source, "w") as file:
        file.write(HOLDER)
    flags = os.environ.get("PLAIT_TEST_CFLAGS", "").split()
    built = subprocess.run(["cc", *flags, "-I", os.path.join(SOURCE, "include"), source, "-o", program,
                            os.path.join(BUILD, "libplait.a"), "-lpthread"], capture_output=True, text=True)
    if built.returncode:
        print("no program can be built here:", built.stderr[:300])
        sys.exit(77)
    live, dead, odd = (f"tool-shm-{os.getpid()}-{kind}" for kind in ("live", "dead", "odd"))
    one, two = holder(program, live), holder(program, live)
    killed = holder(program, dead)
    killed.kill()
    killed.wait()
    path = f"/dev/shm/plait-{os.geteuid()}-"
    with os.fdopen(os.open(path + odd, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
        file.write("hello")
    names = listed()
    assert names[live]["state"] == "in use" and names[live]["kind"] == "segment", names
    assert sorted(names[live]["pids"]) == sorted([one.pid, two.pid]), names
    assert names[live]["bytes"] >= 1000 and names[live]["limit"] >= 100000, names
    assert names[dead]["state"] == "stale" and names[odd]["state"] == "damaged", names
    assert str(one.pid) in page() and "plait shm --clean" in page()
    assert "removed" in page("--clean")
    names = listed()
    assert live in names and dead not in names and odd not in names, names
    for process in (one, two):
        process.stdin.close()
        assert process.wait(20) == 0
    assert live not in listed()
    assert subprocess.run([TOOL, "shm", "--all"], capture_output=True).returncode == 2
