#!/usr/bin/env python3
"""Runs the examples of the notes and compares what they print with their specifications (check.py).

    run.py --build DIR [ROW ...]      all rows of manifest.txt, or these; DIR is a build directory
      --carrier thread                one carrier only
      --seeds N, --first-seed N       how many seeds on the virtual clock, instead of the manifest's; from which
      --repeat N                      everything N times
      --prove                         spoils each right output in many ways: what the specification lets pass is listed
    run.py --table                    docs/examples.md on standard output
    run.py --compare FILE             is FILE what --table writes?
    run.py --cmake                    one line per row and carrier: row;carrier;example

Threads and coroutines run with PLAIT_SEED on a virtual clock, with several seeds (with the first one twice, which must print
the same), and once in real time; processes in real time. In real time each second of the notes lasts a tenth (SCALE=10),
and longer on a machine that is late."""
import argparse
import os
import re
import signal
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
import check

HERE = os.path.dirname(os.path.abspath(__file__))
# Not plait's: a sanitizer does not know that only the thread that forks is in the child.
NOISE = re.compile(r"^==\d+==Running thread \d+ was not suspended\. False leaks are possible\.\n", re.M)
# What the watcher says of a worker that gets no CPU: right, but on a late machine no fault of the row.
STUCK = re.compile(r"^plait: worker \d+ has not switched for .*\n", re.M)
# In real time: the scale of the first run, and of those that follow on a machine that was late.
SCALES = (10, 10, 5, 2, 1)
LIMIT = float(os.environ.get("PLAIT_TEST_SECONDS", "60"))


class Row:
    """One line of the manifest."""

    def __init__(self, line):
        self.row, example, carriers, self.seeds = line.split()[:4]
        self.spec = (line.split()[4:] or [example.replace(":", "_")])[0]
        self.example, _, self.argument = example.partition(":")
        self.carriers = carriers.split(",")

    def specification(self, carrier, clock):
        with open(os.path.join(HERE, "specs", self.spec + ".spec")) as file:
            return check.Spec(file.read(), carrier, clock)


def manifest():
    with open(os.path.join(HERE, "manifest.txt")) as file:
        return [Row(line) for line in file if line.strip() and not line.startswith("#")]


def program(build, row, carrier):
    """Programs of the notes take the carrier as an argument; of the three front ones there is a program for each carrier."""
    for path in (f"examples/notes/{row.example}", f"examples/{row.example}-{carrier}"):
        path = os.path.join(build, path)
        if os.path.exists(path):
            arguments = [carrier] if "/notes/" in path else []
            return [path] + arguments + ([row.argument] if row.argument else [])
    sys.exit(f"{row.example} is not built in {build}")


def dump(process):
    """Who waits for what, in a program that hangs."""
    try:
        subprocess.run(["gdb", "-p", str(process.pid), "-batch", "-ex", "call (void)plait_dump(2, 1)"],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        pass  # no gdb, or what it should show is damaged: the hang is reported all the same


def run(command, environment):
    """(stdout, stderr, status, known numbers); a hang is killed with all that it started, after a dump on its stderr."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True, errors="replace", env=environment, start_new_session=True)
    try:
        out, err = process.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        dump(process)
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        err += f"it hung for {LIMIT:.0f} s\n"
    return out, NOISE.sub("", err), process.returncode, {"main": str(process.pid), "before": str(os.getpid())}


class Gauge(threading.Thread):
    """Sleeps beside a run in real time and notes how late it wakes. When the machine lets sleepers oversleep, or has more to
    run than CPUs, the stamps and the order of a run say nothing about plait."""
    LATE = 0.01

    def __init__(self):
        super().__init__(daemon=True)
        self.worst, self.ended = 0.0, threading.Event()

    def run(self):
        while not self.ended.is_set():
            before = time.monotonic()
            time.sleep(0.005)
            self.worst = max(self.worst, time.monotonic() - before - 0.005)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *error):
        self.ended.set()
        self.join()

    def was_late(self):
        return self.worst > self.LATE or os.getloadavg()[0] > os.cpu_count()


def setting(seed, scale=10):
    """The environment of a run: with a seed, or in real time, in which a second of the notes lasts 1/scale."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PLAIT_SEED", "SCALE", "PLAIT_CHECK")}
    environment.update({"SCALE": str(scale)} if seed is None else {"PLAIT_SEED": str(seed)})
    # ThreadSanitizer sleeps for a second at the end, while daemons go on
    environment["TSAN_OPTIONS"] = "atexit_sleep_ms=0:" + environment.get("TSAN_OPTIONS", "")
    return environment


def seeds_of(row, carrier, options):
    """None is real time."""
    if carrier == "process":
        return [None]
    kinds = row.seeds.split("+")
    count = next((int(kind) for kind in kinds if kind.isdigit()), 0)
    if options.seeds is not None and count:
        count = options.seeds
    return list(range(options.first_seed, options.first_seed + count)) + ([None] if "real" in kinds else [])


def complain(row, carrier, how, command, result, wrong):
    out, err = result[:2]
    print(f"FAILED {row.row} on {carrier}: {how} {' '.join(command)}")
    for line in wrong:
        print(f"    {line}")
    print("  it printed:")
    for line in (out + err).split("\n")[:80]:
        print(f"    {line}")


def same_again(command, seed, first):
    """The same seed must print the same, but for the pid of the program."""
    again = run(command, setting(seed))
    outputs = [re.sub(rf"\b{known['main']}\b", "PID", out) for out, _, _, known in (first, again)]
    return [] if outputs[0] == outputs[1] else ["the same seed prints another time:"] + outputs[1].split("\n")


def run_one(row, carrier, seed, options):
    command = program(options.build, row, carrier)
    spec = row.specification(carrier, "real" if seed is None else "virtual")
    for scale in SCALES:
        with Gauge() as gauge:
            result = run(command, setting(seed, scale))
        if gauge.was_late():
            result = (result[0], STUCK.sub("", result[1])) + result[2:]
        wrong = spec.check(*result)
        if seed is not None or not wrong or not gauge.was_late() or result[2] != spec.exit or spec.check_stderr(result[1]):
            break  # a crash, a hang or a report is one, however late the machine was
        print(f"{row.row} on {carrier}: once more, because the machine was late ({gauge.worst * 1000:.0f} ms, load "
              f"{os.getloadavg()[0]:.1f}): {wrong[0]}")
    if seed == options.first_seed and not wrong:
        wrong = same_again(command, seed, result)
    if wrong:
        how = f"SCALE={scale}" if seed is None else f"PLAIT_SEED={seed}"
        complain(row, carrier, how, command, result, wrong)
    elif options.prove:
        prove(row, carrier, spec, result)
    return not wrong


def spoilt(lines):
    """Outputs that are wrong in one place: a line lost, doubled, a number changed, two neighbours exchanged."""
    for i, line in enumerate(lines):
        yield f"lost: {line}", lines[:i] + lines[i + 1:]
        yield f"twice: {line}", lines[:i] + [line] + lines[i:]
        for number in re.finditer(r"\d+", line):
            other = line[:number.start()] + str(int(number[0]) + 7) + line[number.end():]
            yield f"changed: {line} -> {other}", lines[:i] + [other] + lines[i + 1:]
        if i and lines[i - 1] != line:
            yield f"exchanged: {lines[i - 1]} | {line}", lines[:i - 1] + [line, lines[i - 1]] + lines[i + 1:]


def prove(row, carrier, spec, result):
    out, err, status, known = result
    tried = passed = 0
    for what, lines in spoilt(out.split("\n")[:-1]):
        tried += 1
        if not spec.check("".join(line + "\n" for line in lines), err, status, known):
            passed += 1
            print(f"  {row.row} {carrier}: passes although {what}")
    print(f"{row.row} {carrier}: {tried - passed} of {tried} spoilt outputs found")


HEAD = """# The notes' rows as examples

Written by `tests/golden/run.py --table` from tests/golden/manifest.txt. A row is a place in the notes that plait
answers. Its example is a program of a page, whose opening comment says what Python does there; it takes the carrier as
its argument and prints times as the notes count them. The tests compare what it prints with a specification, a
partial order in tests/golden: threads and coroutines on a virtual clock with several seeds and once in real time,
processes in real time at a tenth of the scale. `program` rows are the three front programs, `example` rows others that answer no note.
Twelve problems of the Little Book of Semaphores, which check themselves, lie in [examples/littlebook](../examples/littlebook).

| row | example | carriers |
| --- | --- | --- |
"""


def table():
    text = HEAD
    for row in manifest():
        folder = "" if os.path.exists(os.path.join(HERE, "../../examples", row.example + ".c")) else "notes/"
        name = f"{row.example}.c" + (f" {row.argument}" if row.argument else "")
        text += f"| {row.row} | [{name}](../examples/{folder}{row.example}.c) | {', '.join(row.carriers)} |\n"
    return text


def compare(path):
    with open(path) as file:
        if file.read() != table():
            sys.exit(f"{path} is not what `tests/golden/run.py --table` writes: write it again")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*")
    parser.add_argument("--build", default=os.environ.get("PLAIT_BUILD", "build/release"))
    parser.add_argument("--carrier", choices=check.CARRIERS)
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--prove", action="store_true")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--compare")
    parser.add_argument("--cmake", action="store_true")
    options = parser.parse_args()
    if options.table:
        return print(table(), end="")
    if options.compare:
        return compare(options.compare)
    rows = [row for row in manifest() if not options.rows or row.row in options.rows]
    if options.rows and not rows:
        sys.exit(f"no such row: {' '.join(options.rows)}")
    runs = failed = 0
    for row in rows:
        for carrier in row.carriers:
            if options.cmake:
                print(f"{row.row};{carrier};{row.example}")
            elif options.carrier in (None, carrier):
                for seed in seeds_of(row, carrier, options) * options.repeat:
                    runs += 1
                    failed += not run_one(row, carrier, seed, options)
    if not options.cmake:
        print(f"{runs - failed} of {runs} runs as specified")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
