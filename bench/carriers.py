"""docs/carriers.md: the notes' table of processes, threads and coroutines (S0-4.T), with figures. bench/run --docs writes it when it has
measured the items `carriers-*`; tests/manual.py asks whether the page is what its own figures make."""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DOCS = f"{ROOT}/docs/carriers.md"
KINDS = {"process": "process, by fork", "server": "process, by the fork server", "thread": "thread", "coroutine": "coroutine"}
FIGURES = {"create": "start and join one", "switch": "hand over to another one, on one CPU", "memory": "memory of one that sleeps",
           "cores": "two that compute at once, on 2 CPUs"}
WORDS = [["its memory", "its own: a copy of the parent's at the start, then seen by nobody else", "its own: that of a program that has just begun",
          "the program's", "the program's"],
         ["shares by", "objects of `PLAIT_SHARED`, pipes, queues", "the same, handed over by `.shared`", "any object", "any object"],
         ["a crash, exit(), SIGKILL", "its own end, told as its status", "its own end, told as its status", "the program's end", "the program's end"],
         ["can be killed", "yes: cancel, terminate, kill", "yes", "no, only cancelled", "no, only cancelled"],
         ["who takes the CPU from it", "the kernel", "the kernel", "the kernel", "nobody: it runs until it waits or says `plait_yield`"],
         ["a blocking system call holds up", "itself", "itself", "itself", "its worker, unless inside `plait_blocking`"],
         ["uses all CPUs", "yes", "yes", "yes", "yes, on a worker for each"],
         ["good for", "what may crash or must be killed", "the same from a large program or one with threads", "what computes",
          "what waits, by the hundred thousand"]]
BEGIN = "## All figures"


def table(head, rows):
    return ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"] + ["| " + " | ".join(row) + " |" for row in rows]


def cell(rows, kind, figure):
    return next((f"{row[2]} {row[5]}" for row in rows if row[0] == f"carriers-{kind}.{figure}" and row[1] == "plait"), "-")


def page(rows, stamp):
    """`rows` are those of bench/run: item, who, median, min, max, unit, note."""
    measured = [[words, *(cell(rows, kind, figure) for kind in KINDS)] for figure, words in FIGURES.items()]
    return "\n".join([
        "# Processes, threads, coroutines: the table", "",
        "Written by `bench/run --docs carriers`; the words are in `bench/carriers.py`.", "",
        "The notes end in a table of the three (S0-4.T), cut off inside: costs as stars, the row of coroutines missing. Here it is, measured. "
        "A start is one call whatever the carrier, so which to take is a matter of these rows and not of the program's shape.", "",
        *table(["", *KINDS.values()], measured + WORDS), "",
        "Memory is the task's part of resident memory (Pss) and of page tables; what the kernel keeps for a thread or process, 16 KB of "
        "stack and some KB of structures, comes on top. A coroutine starts another; threads and processes are started by a thread. The "
        "figures say what each costs; what they cost beside other libraries is in [performance.md](performance.md).", "",
        "The notes call processes and threads both \"unsafe\" and coroutines safe without locks. What is true: any two tasks that change one "
        "thing need one order, whatever carries them; coroutines of one worker only change places at waits, which `examples/notes/no_lock.c` "
        "shows and `examples/notes/race.c` takes apart.", "",
        BEGIN, "", stamp, "",
        *table(["item", "who", "median", "min", "max", "unit", "note"], rows), ""])


def rows_of(text):
    """The rows below the last heading, and the line above them."""
    lines = text[text.index(BEGIN):].split("\n")
    return [[c.strip() for c in line.strip("|").split("|")] for line in lines if re.match(r"\| carriers-", line)], lines[2]


def is_current():
    with open(DOCS, encoding="utf-8") as f:
        text = f.read()
    return text == page(*rows_of(text))


def write(results, stamp):
    rows = [row for r in results for row in r.rows()]
    with open(DOCS, "w", encoding="utf-8") as f:
        f.write(page(rows, stamp))


if __name__ == "__main__":
    sys.exit(0 if is_current() else "docs/carriers.md is not what bench/carriers.py makes of its figures")
