#!/usr/bin/env python3
"""The notes' pool rows in Python: the same jobs by concurrent.futures, multiprocessing and threads, printed in the words of
examples/notes. What both print must meet the row's specification, and be the same lines.

    python.py [--build DIR] [ROW ...]     compares, all rows or these
    python.py --row ROW CARRIER           is the Python side of one, for looking at it

Coroutines are compared with Python's threads, since no pool of Python's has any. Where a row is fixed in its order the
specification says so; apart from that the order is free, and the lines are compared sorted."""
import argparse
import collections
import concurrent.futures
import multiprocessing
import multiprocessing.pool
import os
import queue
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
import run

SECOND = 1 / int(os.environ.get("SCALE", "1"))
BEGAN = time.monotonic()
FORK = multiprocessing.get_context("fork")  # as the notes' children


def now():
    return int((time.monotonic() - BEGAN) / SECOND)


def say(*words):
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()  # in one write, so that lines of several processes do not mix


def nap(seconds):
    time.sleep(seconds * SECOND)


def executor(carrier, workers):
    if carrier == "process":
        return concurrent.futures.ProcessPoolExecutor(workers, mp_context=FORK)
    return concurrent.futures.ThreadPoolExecutor(workers)


def old_pool(carrier, workers):
    return FORK.Pool(workers) if carrier == "process" else multiprocessing.pool.ThreadPool(workers)


# ---- S0-1.2-pool, S4-TP1: made beforehand, as tasks come; S4-TP2: threads fed by a queue

def who(seconds):
    nap(seconds)
    return os.getpid(), threading.get_ident()


def workers(carrier):
    for size, count, naps in (4, 1000, 4), (128, 3, 3):
        with executor(carrier, size) as pool:
            ids = [job.result() for job in [pool.submit(who, int(i < naps)) for i in range(count)]]
        say(f"{count} jobs in a pool of {size}: {len(ids)} done, {len(set(ids))} workers")


def fed_by_a_queue(carrier):
    """The note's threads, mended: they are started, go on after the first item, and are joined by way of the queue."""
    for size, count, naps in (4, 1000, 4), (128, 3, 3):
        jobs, ids = queue.Queue(), queue.Queue()

        def serve(jobs=jobs, ids=ids):
            while True:
                ids.put(who(jobs.get()))
                jobs.task_done()

        for _ in range(size):
            threading.Thread(target=serve, daemon=True).start()
        for i in range(count):
            jobs.put(int(i < naps))
        jobs.join()
        done = [ids.get() for _ in range(ids.qsize())]
        say(f"{count} jobs in a pool of {size}: {len(done)} done, {len(set(done))} workers")


# ---- S0-2.2-async

def square_and_say(n, results):
    nap(1)
    say(f"{now()} s  computed the square of {n}")
    if results is None:
        sys.exit(n * n)
    results.append(n * n)


def start(carrier, n):
    results = None if carrier == "process" else []
    kind = FORK.Process if carrier == "process" else threading.Thread
    task = kind(target=square_and_say, args=(n, results))
    task.start()
    return task, results


def result_of(task, results):
    task.join()
    return task.exitcode if results is None else results[0]


def sync_async(carrier):
    result = result_of(*start(carrier, 3))
    say(f"{now()} s  called: {result}")
    started = start(carrier, 4)
    say(f"{now()} s  submitted, and main goes on")
    result = result_of(*started)
    say(f"{now()} s  result: {result}")


# ---- S0-P1-submit, S0-3.P-threadpool

def start_and_end(i):
    say(f"{now()} s  start:{i}")
    nap(1)
    say(f"{now()} s  end:{i}")
    return 2 * i


def submit(carrier):
    pool = executor(carrier, 4)
    jobs = [pool.submit(start_and_end, i) for i in range(10)]
    pool.shutdown()
    say(f"{now()} s  closed")
    for i, job in enumerate(jobs):
        say(f"result:{i}:{job.result()}")
    try:
        pool.submit(start_and_end, 10)
    except RuntimeError:  # "cannot schedule new futures after shutdown"
        say("submit after close: -EPIPE")


# ---- S0-P2-result; S2-6-pool, S4-P2-pool

def squared(i):
    nap(2 if i == 0 else 1)
    return i * i


def results(carrier):
    pool = executor(carrier, 5)
    jobs = [pool.submit(squared, i) for i in range(5)]
    say(f"{now()} s  {len(jobs)} handles")
    try:
        jobs[0].result(timeout=0.5 * SECOND)
    except concurrent.futures.TimeoutError:
        say("get in half a second: -ETIMEDOUT")
    say("and it is", "running" if jobs[0].running() else "not running")
    for i, job in enumerate(jobs):
        value = job.result()
        say(f"{now()} s  {i} --> {value}, {'done' if job.done() else 'not done'}")
    pool.shutdown()


def old_results(carrier):
    pool = old_pool(carrier, 5)
    jobs = [pool.apply_async(squared, [i]) for i in range(5)]
    pool.close()
    say(f"{now()} s  {len(jobs)} handles")
    try:
        jobs[0].get(timeout=0.5 * SECOND)
    except multiprocessing.TimeoutError:
        say("get in half a second: -ETIMEDOUT")
    say("and it is", "done" if jobs[0].ready() else "running")
    for i, job in enumerate(jobs):
        value = job.get()
        say(f"{now()} s  {i} --> {value}, {'done' if job.ready() and job.successful() else 'not done'}")
    pool.join()


# ---- S0-P2-map

def squared_late(i):
    nap(3 if i < 5 else 1)
    say(f"end:{i}")
    return i * i


def mapped(carrier):
    with executor(carrier, 10) as pool:
        squares = list(pool.map(squared_late, range(10)))
    say(f"{now()} s  mapped, {sum(square is None for square in squares)} failed")
    for i, square in enumerate(squares):
        say(f"{i} --> {square}")


# ---- S0-P3-callback

def waits(i):
    nap(4 - i)
    return i


def callback(carrier):
    with executor(carrier, 4) as pool:
        jobs = [pool.submit(waits, i) for i in range(4)]
        for job in jobs:
            job.add_done_callback(lambda job: say(f"{now()} s  called with {job.result()}"))
    jobs[0].add_done_callback(lambda job: say(f"{now()} s  already done, called at once with {job.result()}"))


# ---- S3-0-defs: wait, ask, be notified, be called

def answer():
    nap(1)
    return 42


def four_ways(carrier):
    pool = executor(carrier, 1)
    job, over, polls = pool.submit(answer), threading.Event(), 0
    job.add_done_callback(lambda _: (say(f"{now()} s  callback"), over.set()))
    while polls < 2 and not job.done():
        nap(0.25)
        polls += 1
    say(f"polled {polls} times: not yet")
    done, _ = concurrent.futures.wait([concurrent.futures.Future(), job], return_when=concurrent.futures.FIRST_COMPLETED)
    over.wait()
    say(f"{now()} s  notified: case {int(done == {job})}")  # the other one never ends
    say(f"{now()} s  waited: 0, {job.result()}")
    pool.shutdown()


Kind = collections.namedtuple("Kind", "function carriers")
EVERY, THREADS = ("process", "thread", "coroutine"), ("thread", "coroutine")
ROWS = {
    "S0-1.2-pool": Kind(workers, EVERY), "S4-TP1-executor": Kind(workers, EVERY), "S4-TP2-queuepool": Kind(fed_by_a_queue, THREADS),
    "S0-2.2-async": Kind(sync_async, EVERY), "S0-P1-submit": Kind(submit, EVERY), "S0-3.P-threadpool": Kind(submit, EVERY),
    "S0-P2-result": Kind(results, EVERY), "S2-6-pool": Kind(old_results, EVERY), "S4-P2-pool": Kind(old_results, EVERY),
    "S0-P2-map": Kind(mapped, EVERY), "S0-P3-callback": Kind(callback, EVERY), "S3-0-defs": Kind(four_ways, EVERY)}
# Python's map takes all its inputs before it gives anything, so one without an end never begins.
NOT_IN_PYTHON = "without an end: "


def lines_of(result):
    return sorted(line for line in result[0].split("\n") if not line.startswith(NOT_IN_PYTHON))


def both(row, carrier, build, scale):
    """What is wrong: with plait's output, with Python's, with the two of them."""
    plait = run.program(build, row, carrier)
    python = [sys.executable, os.path.abspath(__file__), "--row", row.row, carrier]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:  # at the same time, since both sleep mostly
        ours, theirs = pool.map(lambda command: run.run(command, run.setting(None, scale)), (plait, python))
    extra = "".join(line + "\n" for line in ours[0].split("\n") if line.startswith(NOT_IN_PYTHON))
    wrong = ["plait: " + text for text in row.specification(carrier, "real").check(ours[0], run.STUCK.sub("", ours[1]), *ours[2:])]
    wrong += ["python: " + text for text in row.specification(carrier, "real").check(theirs[0] + extra, *theirs[1:])]
    if not wrong and lines_of(ours) != lines_of(theirs):
        wrong = [f"only plait: {line}" for line in lines_of(ours) if line not in lines_of(theirs)]
        wrong += [f"only Python: {line}" for line in lines_of(theirs) if line not in lines_of(ours)]
    return wrong


def compare(row, carrier, build):
    for scale in run.SCALES:
        with run.Gauge() as gauge:
            wrong = both(row, carrier, build, scale)
        if not wrong or not gauge.was_late():
            break
    print(f"{row.row} on {carrier}: {'FAILED' if wrong else 'the same'}")
    for line in wrong:
        print(f"    {line}")
    return not wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.environ.get("PLAIT_BUILD", "build/release"))
    parser.add_argument("--row", nargs=2, metavar=("ROW", "CARRIER"))
    parser.add_argument("rows", nargs="*")
    options = parser.parse_args()
    if options.row:
        return ROWS[options.row[0]].function(options.row[1])
    chosen = [row for row in run.manifest() if row.row in ROWS and (not options.rows or row.row in options.rows)]
    missing = set(options.rows or ROWS) - {row.row for row in chosen}
    if missing:
        sys.exit(f"not in the manifest: {' '.join(sorted(missing))}")
    results = [compare(row, carrier, options.build) for row in chosen for carrier in ROWS[row.row].carriers]
    print(f"{sum(results)} of {len(results)}: plait and Python {sys.version.split()[0]} print the same")
    sys.exit(not all(results))


if __name__ == "__main__":
    main()
