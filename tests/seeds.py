#!/usr/bin/env python3
"""A lost wake planted in the library must show within 1,000 seeds; the library as it is must not hang under any.

Each fault is one replacement in one source, which is compiled alone and linked with the other objects of the library.
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

SOURCE, BUILD = os.environ["PLAIT_SOURCE"], os.environ["PLAIT_BUILD"]
FAULTS = [
    ("an event wakes one of those who wait", "src/sync/event.c",
     "        wait_unpark(&event->word, INT_MAX, shared);", "        wait_unpark(&event->word, 1, shared);"),
    ("a lock forgets that others still wait", "src/sync/lock.c",
     "COMING | wait_forks << GENERATION, SLEEPERS);", "COMING | wait_forks << GENERATION, 0);"),
    ("a queue forgets that others still wait", "src/queue/side.c",
     "wait_unpark_marking(&side->word, count, 0, QUEUE_W);", "wait_unpark_marking(&side->word, count, 0, 0);"),
    ("an end does not wake who joins", "src/task/count.c",
     "        wait_unpark(running, INT32_MAX, false);", "        ;"),
]


def is_plain():
    cache = open(os.path.join(BUILD, "CMakeCache.txt")).read()
    return not re.search(r"^PLAIT_SANITIZE:\w+=.", cache, re.M)


def build(work, name, text):
    objects = [path for path in glob.glob(f"{BUILD}/CMakeFiles/plait_objects.dir/src/**/*.o", recursive=True)
               if not (name and path.endswith(f"/{name}.o"))]
    if name:
        objects.append(os.path.join(work, os.path.basename(name)))
        open(objects[-1], "w").write(text)
    program = os.path.join(work, "struggle")
    subprocess.run(["cc", "-std=gnu11", "-O1", "-w", "-pthread", f"-I{SOURCE}/include", f"-I{SOURCE}/src", "-D_GNU_SOURCE",
                    f"{SOURCE}/tests/seeds/struggle.c", *objects, "-o", program], check=True)
    return program


def run(program):
    done = subprocess.run([program, "1000"], capture_output=True, text=True, timeout=250)
    return done.returncode, done.stdout.strip()


def planted(name, old, new):
    text = open(os.path.join(SOURCE, name)).read()
    if text.count(old) != 1:
        sys.exit(f"tests/seeds.py is out of date: {name} has {text.count(old)} times\n{old}")
    return text.replace(old, new)


def main():
    if not is_plain():
        print("a library with sanitizers is not linked by hand")
        return 77
    with tempfile.TemporaryDirectory(prefix="plait-seeds-") as work:
        status, said = run(build(work, None, None))
        print(f"the library as it is: {said or 'no hang'}")
        failed = status != 0
        for why, name, old, new in FAULTS:
            status, said = run(build(work, name, planted(name, old, new)))
            print(f"{'found' if status == 1 else 'NOT FOUND'}: {why}: {said}")
            failed |= status != 1
    return failed


sys.exit(main())
