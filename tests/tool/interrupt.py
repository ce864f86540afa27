#!/usr/bin/env python3
"""Ctrl-C during the tour on a terminal: the tool ends by SIGINT, nothing of it is left running, the
terminal is as it was and the moving line is wiped; also while a process pool counts, and while one
of its workers is replaced. That line moves at most ten times a second."""
import os
import pty
import re
import select
import shutil
import signal
import sys
import tempfile
import termios
import time

TOOL = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.environ["PLAIT_BUILD"], "plait")
WIPE = b"\r\033[K"


def session_members(session):
    """Processes that are alive in this session; a zombie runs no more."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] not in "ZX":
            found.append(int(name))
    return found


MOMENTS = (1, b"computing"), (2, b"processes: "), (2, b"one killed: "), (2, b"same result"), (3, b"Ten buyers"), (4, b"starting"), (5, b"killing")


class Terminal:
    def __init__(self, *arguments):
        self.pid, self.end = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm"
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.execv(TOOL, [TOOL, *arguments])
        self.seen = b""
        self.before = termios.tcgetattr(self.end)
        self.began = time.monotonic()

    def read(self, until, seconds=60):
        """Until the page shows it, or the tool has ended."""
        limit = time.monotonic() + seconds
        while until is None or until not in self.seen:
            assert time.monotonic() < limit, self.seen
            if not select.select([self.end], [], [], 1)[0]:
                continue
            try:
                some = os.read(self.end, 65536)
            except OSError:
                break
            if not some:
                break
            self.seen += some

    def finish(self):
        status = os.waitpid(self.pid, 0)[1]
        limit = time.monotonic() + 5
        while session_members(self.pid) and time.monotonic() < limit:
            time.sleep(0.01)
        assert session_members(self.pid) == [], "still running"
        os.close(self.end)
        return status


def interrupt(tree, part, moment):
    terminal = Terminal("tour", tree, "--part", str(part))
    terminal.read(moment)
    os.write(terminal.end, b"\x03")
    attributes = termios.tcgetattr(terminal.end)
    terminal.read(None)
    status = terminal.finish()
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGINT, (moment, status)
    assert attributes == terminal.before, "the terminal's settings have changed"
    last = terminal.seen.rsplit(b"\n", 1)[-1].rsplit(WIPE, 1)[-1]
    assert last in (b"", b"^C"), (moment, last)


def terminate(tree):
    """Only the tool itself is told to end: its children must end because they are tied to it."""
    terminal = Terminal("tour", tree, "--part", "2")
    terminal.read(b"processes: ")
    os.kill(terminal.pid, signal.SIGTERM)
    status = terminal.finish()
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGTERM, status


def watch(tree):
    terminal = Terminal("tour", tree, "--part", "2")
    terminal.read(None)
    assert terminal.finish() == 0, terminal.seen
    took = time.monotonic() - terminal.began
    bars = len(re.findall(rb"\[[#.]{24}\]", terminal.seen))
    assert 2 <= bars <= took * 10 + 2, (bars, took)
    assert terminal.seen.endswith(b"\r\n") and b"same result" in terminal.seen, terminal.seen


def main():
    tree = tempfile.mkdtemp(prefix="plait-interrupt-")
    try:
        with open(tree + "/some", "wb") as file:
            file.write(b"some words and more\n" * 400000)
        watch(tree)
        terminate(tree)
        for part, moment in MOMENTS:
            interrupt(tree, part, moment)
    finally:
        shutil.rmtree(tree)


main()
