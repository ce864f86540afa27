#!/usr/bin/env python3
"""run.py SOURCE-DIR [COMPILER]: explores src/wait, then each fault of mutants.txt, which must be caught.

Exit status 1 when the real code fails, or a fault is not caught: then a check is missing, or the step is not needed.
"""
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.abspath(sys.argv[1])
CC = sys.argv[2] if len(sys.argv) > 2 else "cc"
HERE = os.path.join(ROOT, "tests/explore")
SOURCES = ["tests/explore/explorer.c", "tests/explore/wait.c", "src/wait/lot.c", "src/wait/park.c",
           "src/wait/thread.c", "src/wait/self.c", "src/wait/time.c", "src/os/context.c"]
FLAGS = ["-std=gnu11", "-g", "-O1", "-w", "-D_GNU_SOURCE", "-DPLAIT_EXPLORE"]


def assembly():
    return f"src/os/context_{os.uname().machine}.S"


def build(tree, out, objects, changed):
    """Links the explorer; compiles only what is new or changed."""
    for source in SOURCES + [assembly()]:
        if source in objects and source != changed:
            continue
        objects = dict(objects)
        objects[source] = f"{out}.{os.path.basename(source)}.o"
        subprocess.run([CC, *FLAGS, f"-I{ROOT}/include", f"-I{tree}/src", f"-I{ROOT}/src", f"-I{HERE}",
                        "-c", os.path.join(tree if source == changed else ROOT, source), "-o", objects[source]], check=True)
    subprocess.run([CC, *objects.values(), "-o", out], check=True)
    return objects


def explore(program):
    try:
        done = subprocess.run([program], capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout + done.stderr
    except subprocess.TimeoutExpired as late:
        return 124, str(late.stdout)


def faults():
    """(why, file, old, new) of each fault."""
    for block in open(os.path.join(HERE, "mutants.txt")).read().split("\n\n")[1:]:
        lines = block.strip("\n").split("\n")
        why = " ".join(line[2:] for line in lines if line.startswith("#"))
        name = next(line for line in lines if line.startswith("src/"))
        old = "\n".join(line[1:] for line in lines if line.startswith("-"))
        new = "\n".join(line[1:] for line in lines if line.startswith("+"))
        yield why, name, old, new


def mutate(work, name, old, new):
    text = open(os.path.join(ROOT, name)).read()
    if text.count(old) != 1:
        sys.exit(f"mutants.txt is out of date: {name} has {text.count(old)} times\n{old}")
    path = os.path.join(work, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as out:
        out.write(text.replace(old, new))


def main():
    work, failed, caught = tempfile.mkdtemp(prefix="plait-explore-"), 0, 0
    objects = build(ROOT, f"{work}/sound", {}, None)
    status, said = explore(f"{work}/sound")
    print(said, end="")
    failed += status != 0
    for why, name, old, new in faults():
        mutate(work, name, old, new)
        build(work, f"{work}/fault", objects, name)
        status, said = explore(f"{work}/fault")
        os.remove(os.path.join(work, name))
        wrong = next((line for line in said.split("\n") if "is wrong" in line), "it never ended" if status == 124 else "it died")
        print(f"{'caught' if status else 'NOT CAUGHT'}: {name}: {why}" + (f"\n    {wrong}" if status else ""))
        caught += status != 0
        failed += status == 0
    print(f"{caught} faults caught")
    shutil.rmtree(work)
    return failed != 0


sys.exit(main())
