#!/usr/bin/env python3
"""tool/plait-gdb.py on a program with a running and a parked coroutine, live and as a core file: the user's functions stand in both
backtraces, and both end where a coroutine begins."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.environ.get("PLAIT_SOURCE") or os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("PLAIT_BUILD", os.path.join(ROOT, "build", "release"))
SCRIPT = os.path.join(ROOT, "tool/plait-gdb.py")


def skip(why):
    print(f"gdb: skipped, {why}")
    sys.exit(77)


def gdb(commands, *files):
    """Without the kernel's guards in stacks, because gdb's own writer of core files leaves out what it cannot read in one piece
    (the kernel's does not)."""
    words = ["gdb", "-nx", "-batch"]
    for command in commands:
        words += ["-ex", command]
    done = subprocess.run([*words, *files], capture_output=True, text=True, timeout=240, stdin=subprocess.DEVNULL,
                          env={**os.environ, "PLAIT_WORKERS": "1", "PLAIT_OS": "-guard"})
    return done.stdout + done.stderr


def tasks(text):
    """What stands under each task's line: name -> (the line, names of the frames)."""
    found, name = {}, None
    for line in text.split("\n"):
        task = re.match(r"\d+ \w+ '(.*?)' (.*)", line)
        frame = re.match(r"    #\d+ 0x[0-9a-f]+ in (\S+)", line)
        if task:
            name = task.group(1)
            found[name] = (task.group(2), [])
        elif frame and name:
            found[name][1].append(frame.group(1))
    return found


def must(condition, what, text):
    if not condition:
        sys.exit(f"gdb: {what}\n{text}")


def ends(frames, *names):
    """The frames from the user's innermost one on: nothing is lost between, and nothing follows."""
    names = [*names, "task_run", "co_entry", "os_context_start"]
    frames = [name for name in frames if name != "co_main"]  # which may leave by a jump
    return frames[-len(names):] == names


def check(text):
    found = tasks(text)
    must({"main", "parked one", "running one", "fresh one"} <= set(found), "a task is missing", text)
    does, frames = found["parked one"]
    must(does.startswith("waiting: wait event") and "<never>" in does and "parked.c:" in does, "the wait is not told", text)
    must(ends(frames, *["wait_deeper"] * 3, "park_here"), "the parked one's frames are wrong", text)
    does, frames = found["running one"]
    must(does == "running" and frames[0] == "stop_here" and ends(frames, "stop_here", "run"),
         "the running one's frames are wrong", text)
    must(found["fresh one"] == ("not started", []), "one that has not started has no frames", text)
    must(found["main"][0].startswith("waiting: join") and found["main"][1][-1] == "main", "main's frames are wrong", text)


def check_entered(text):
    shown = text[text.index("ENTERED"):]
    must("here = 2" in shown, "plait enter does not show the locals of a parked frame", text)
    must(re.search(r"LEFT\n#0 +stop_here", shown), "plait leave does not lead back", text)


def live(program, core):
    entered = ["echo ENTERED\\n", "plait enter parked one", "frame function park_here", "down", "info locals", "plait leave",
               "echo LEFT\\n", "bt 1"]
    text = gdb(["break stop_here", "run", f"source {SCRIPT}", "plait tasks", *entered, f"generate-core-file {core}", "delete",
                "continue"], program)
    if re.search("ptrace: Operation not permitted|Could not trace|Cannot.*personality.*\n.*not permitted", text):
        skip("this machine does not let one process trace another")
    check(text)
    check_entered(text)
    must("exited normally" in text, "the program does not go on after it was looked at", text)


def main():
    for tool in "gdb", "cc":
        if not shutil.which(tool):
            skip(f"there is no {tool}")
    library = os.path.join(BUILD, "libplait.a")
    if "it has" not in gdb(["python print('it ' + 'has')"]):
        skip("this gdb has no Python")
    with tempfile.TemporaryDirectory(prefix="plait-gdb-") as place:
        program, core = place + "/parked", place + "/core"
        subprocess.run(["cc", "-g", "-O1", "-fno-optimize-sibling-calls", f"-I{ROOT}/include", f"{ROOT}/tests/gdb/parked.c",
                        library, "-pthread", "-o", program], check=True)
        live(program, core)
        check(gdb([f"source {SCRIPT}", "plait tasks"], program, core))
    print("gdb: frames of running and parked coroutines, live and in a core file")


main()
