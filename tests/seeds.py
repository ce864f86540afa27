#!/usr/bin/env python3
"""A lost wake planted in the library must show within 1,000 seeds; the library as it is must not hang under any.

Each fault is one replacement in one source, which is compiled alone and linked with the other objects of the library; it is looked
for by one program of tests/seeds.
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

SOURCE, BUILD = os.environ["PLAIT_SOURCE"], os.environ["PLAIT_BUILD"]
FAULTS = {"struggle": [
    ("an event wakes one of those who wait", "src/sync/event.c",
     "    if (word & EVENT_W)\n        wait_unpark(&event->word, INT_MAX, false);", "    if (word & EVENT_W)\n        wait_unpark(&event->word, 1, false);"),
    ("a lock forgets that others still wait", "src/sync/lock.c",
     "COMING | wait_forks << GENERATION, SLEEPERS);", "COMING | wait_forks << GENERATION, 0);"),
    ("a queue forgets that others still wait", "src/queue/side.c",
     "wait_unpark_marking(&side->word, count, 0, QUEUE_W);", "wait_unpark_marking(&side->word, count, 0, 0);"),
    ("an end does not wake who joins", "src/task/count.c",
     "        wait_unpark(running, INT32_MAX, false);", "        ;"),
], "store": [
    ("a commit wakes nobody", "src/queue/fifo.c",
     "    if (wake)\n        side_wake(&queue->items, count);", "    (void)count;"),
    ("a release wakes nobody", "src/queue/stock_place.c",
     "    if (room)\n        side_wake(&queue->room, count);\n    if (over)", "    (void)count;\n    if (over)"),
    ("the last that is done wakes nobody", "src/queue/done.c",
     "        wait_unpark(sleepers, INT_MAX, false);", "        (void)sleepers;"),
], "choose": [
    ("who meets a sleeper does not wake it", "src/wait/lot.c",
     "        asleep[0].carrier->rouse(asleep[0].self);", "        ;"),
    ("a select does not look at what woke it", "src/wait/select.c",
     "    int rc = woke >= 0 ? select_attempt(select, woke) : -EAGAIN;", "    int rc = -EAGAIN;"),
    ("a select sleeps on its first case only", "src/wait/select.c",
     "    select->slept = private + select->shared;", "    select->slept = private + select->shared > 0;"),
], "blocks": [
    ("a failure cancels nobody", "src/task/scope.c",
     "    if (failed)\n        block_cancel(block, status);", "    ;"),
    ("what starts in a cancelled block is not cancelled", "src/task/scope.c",
     "    atom_add(&block->running, 1, RELAXED);\n    if (block->state & BLOCK_CANCELED)\n        task_cancel_inside(record);",
     "    atom_add(&block->running, 1, RELAXED);"),
    ("a cancel forgets the block's own wait", "src/task/scope.c",
     "    wait_cancel_block(&block->owner->co.self);\n    return true;", "    return true;"),
    ("the block around is not told again", "src/task/scope.c",
     "            wait_cancel_block(self);", "            ;"),
], "readers": [
    ("the last reader does not wake the writer", "src/sync/readers.c",
     "    wait_unpark(&entry->word, INT_MAX, false);", "    ;"),
], "pools": [
    ("the end of a job wakes nobody", "src/pool/future_end.c",
     "    else if (seen & FUTURE_W)\n        wait_unpark(&future->word, INT_MAX, false);\n    return", "    return"),
    ("who waits in a job lends its place to nobody", "src/pool/help.c",
     "    pool_call_worker(worker->pool, &wake);", "    ;"),
    ("a worker that leaves does not tell who closes", "src/pool/worker.c",
     "    wait_unpark(&pool->closer, INT_MAX, false);", "    ;"),
], "jobs": [
    ("what is cancelled as it waits does not end", "src/pool/close.c",
     "        future_end(job, PLAIT_CANCELED, -ECANCELED);\n        count++;", "        count++;"),
    ("who waits for room is not told of the close", "src/pool/close.c",
     "    wait_unpark(&pool->room, INT_MAX, false);", "    ;"),
], "gates": [
    ("a latch at 0 wakes one of those who wait", "src/sync/latch.c",
     "        wait_unpark(&latch->word, INT_MAX, false);", "        wait_unpark(&latch->word, 1, false);"),
    ("a once that failed wakes nobody", "src/sync/once.c",
     "        wait_unpark(&once->word, done ? INT_MAX : 1, false);", "        wait_unpark(&once->word, done ? INT_MAX : 0, false);"),
    ("a once that has run wakes one of those who wait", "src/sync/once.c",
     "        wait_unpark(&once->word, done ? INT_MAX : 1, false);", "        wait_unpark(&once->word, 1, false);"),
    ("a barrier tells without waking", "src/sync/barrier.c",
     "        wait_unpark(word, 1, false);", "        ;"),
]}


def is_plain():
    cache = open(os.path.join(BUILD, "CMakeCache.txt")).read()
    return not re.search(r"^PLAIT_SANITIZE:\w+=.", cache, re.M)


def build(work, program, name, text):
    objects = [path for path in glob.glob(f"{BUILD}/CMakeFiles/plait_objects.dir/src/**/*.o", recursive=True)
               if not (name and path.endswith(f"/{name}.o"))]
    if name:
        objects.append(os.path.join(work, os.path.basename(name)))
        open(objects[-1], "w").write(text)
    made = os.path.join(work, program)
    subprocess.run(["cc", "-std=gnu11", "-O1", "-w", "-pthread", f"-I{SOURCE}/include", f"-I{SOURCE}/src", "-D_GNU_SOURCE",
                    f"{SOURCE}/tests/seeds/{program}.c", *objects, "-o", made], check=True)
    return made


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
    failed = False
    with tempfile.TemporaryDirectory(prefix="plait-seeds-") as work:
        for program, faults in FAULTS.items():
            status, said = run(build(work, program, None, None))
            print(f"{program}, the library as it is: {said or 'no hang'}")
            failed |= status != 0
            for why, name, old, new in faults:
                status, said = run(build(work, program, name, planted(name, old, new)))
                print(f"{'found' if status == 1 else 'NOT FOUND'}: {why}: {said}")
                failed |= status != 1
    return failed


sys.exit(main())
