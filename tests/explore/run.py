#!/usr/bin/env python3
"""run.py SOURCE-DIR [COMPILER [NAME...]]: explores NAME.c (all of them without a name), then each fault of NAME.txt, which must be caught.

Exit status 1 when the real code fails, or a fault is not caught: then a check is missing, or the step is not needed. A fault marked
"survives" must not be caught: when it is, its mark is out of date. Those take the longest, so they are tried only together with
EXPLORE_DEEPER=1, which also allows a pre-emption more.
"""
import glob
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.abspath(sys.argv[1])
CC = sys.argv[2] if len(sys.argv) > 2 else "cc"
HERE = os.path.join(ROOT, "tests/explore")
COMMON = ["tests/explore/explorer.c", "tests/explore/standins.c", "src/wait/lot.c", "src/wait/park.c", "src/wait/thread.c",
          "src/wait/self.c", "src/wait/select.c", "src/wait/time.c", "src/wait/look.c", "src/os/context.c",
          f"src/os/context_{os.uname().machine}.S"]
FLAGS = ["-std=gnu11", "-g", "-O1", "-w", "-D_GNU_SOURCE", "-DPLAIT_EXPLORE"]
SECONDS = 600  # of one program: a machine may be busy with other things


def build(tree, out, sources, objects, changed):
    """Links the explorer; compiles only what is new or changed. A header that is changed is one of the explored folder's own."""
    objects = dict(objects)
    for source in sources:
        inside = changed and changed.endswith(".h") and os.path.dirname(changed) == os.path.dirname(source)
        if source in objects and source != changed and not inside:
            continue
        objects[source] = out + "." + source.replace("/", "_") + ".o"
        subprocess.run([CC, *FLAGS, f"-I{ROOT}/include", f"-I{tree}/src", f"-I{ROOT}/src", f"-I{HERE}",
                        "-c", os.path.join(tree if source == changed else ROOT, source), "-o", objects[source]], check=True)
    subprocess.run([CC, *objects.values(), "-o", out], check=True)
    return objects


def explore(program):
    try:
        done = subprocess.run([program], capture_output=True, text=True, timeout=SECONDS)
        return done.returncode, done.stdout + done.stderr
    except subprocess.TimeoutExpired as late:
        return 124, str(late.stdout)


class Fault:
    def __init__(self, block):
        lines = block.strip("\n").split("\n")
        self.why = " ".join(line[2:] for line in lines if line.startswith("#"))
        self.survives = "survives" in lines
        self.file = next(line for line in lines if line.startswith("src/"))
        self.old = "\n".join(line[1:] for line in lines if line.startswith("-"))
        self.new = "\n".join(line[1:] for line in lines if line.startswith("+"))

    def plant(self, work):
        text = open(os.path.join(ROOT, self.file)).read()
        if text.count(self.old) != 1:
            sys.exit(f"a fault is out of date: {self.file} has {text.count(self.old)} times\n{self.old}")
        path = os.path.join(work, self.file)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as out:
            out.write(text.replace(self.old, self.new))
        return path


def faults(name):
    """The sources beside src/wait, and the faults."""
    head, *blocks = open(os.path.join(HERE, f"{name}.txt")).read().split("\n\n")
    sources = next(line for line in head.split("\n") if line.startswith("sources:"))
    return sources.split()[1:], [Fault(block) for block in blocks]


def judge(fault, status, said):
    """What to print, and whether it is as it should be."""
    if not status:
        return f"{'survives, as told' if fault.survives else 'NOT CAUGHT'}: {fault.file}: {fault.why}", fault.survives
    wrong = next((line for line in said.split("\n") if "is wrong" in line), "it never ended" if status == 124 else "it died")
    return f"{'CAUGHT AFTER ALL' if fault.survives else 'caught'}: {fault.file}: {fault.why}\n    {wrong}", not fault.survives


def run(name, work):
    own, planted = faults(name)
    sources = [f"tests/explore/{name}.c", *COMMON, *own]
    objects = build(ROOT, f"{work}/sound", sources, {}, None)
    status, said = explore(f"{work}/sound")
    print(said, end="")
    failed = status != 0
    for fault in planted:
        if fault.survives and not os.environ.get("EXPLORE_DEEPER"):
            continue
        path = fault.plant(work)
        build(work, f"{work}/fault", sources, objects, fault.file)
        text, right = judge(fault, *explore(f"{work}/fault"))
        os.remove(path)
        print(text, flush=True)
        failed += not right
    survive = sum(fault.survives for fault in planted)
    print(f"{name}: {len(planted) - survive} faults to catch, {survive} that may stay; {failed} wrong")
    return failed


def main():
    names = sys.argv[3:] or sorted(os.path.basename(path)[:-4] for path in glob.glob(f"{HERE}/[a-z]*.txt"))
    failed = 0
    for name in names:
        work = tempfile.mkdtemp(prefix="plait-explore-")
        failed += run(name, work)
        shutil.rmtree(work)
    return failed != 0


sys.exit(main())
