"""Runs the participants of an item in turn and keeps their figures."""
import os
import resource
import shlex
import signal
import statistics
import subprocess
import time
from collections import defaultdict

import build
from items import MISSING

QUIET_TRIES, QUIET_SHARE = 12, 0.10     # tries of a run; processors that others may use meanwhile
FIRST = False       # --first: runs go before other programs
FIGURES_IN_NOTES = ("longest_ms", "longest_write_ms", "used_cpus")      # name=value pairs that have a target of their own


def command_of(peer, places):
    return peer.command.format(**places, core=build.CORE) if peer.command else ""


def number(x):
    """Three digits that matter, no exponent."""
    digits = 0 if abs(x) >= 1000 else 1 if abs(x) >= 100 else 2 if abs(x) >= 10 else 3
    return f"{x:.{digits}f}"


class Failed(Exception):
    pass


def parse(text):
    """{figure: (value, unit)}, {note: value} of what a program printed."""
    figures, notes = {}, {}
    for line in text.splitlines():
        words = line.split()
        try:
            name = words[2] if len(words) > 2 and "=" not in words[2] else ""
            figures[name] = (float(words[0]), words[1])
            pairs = [w.split("=") for w in words[2:] if "=" in w]
        except (IndexError, ValueError):
            raise Failed(line[:100] or "empty line") from None
        for key, value in pairs:
            if key in FIGURES_IN_NOTES:
                figures[key] = (float(value), key.rsplit("_", 1)[1])
            else:
                notes[key] = float(value)
    if not figures:
        raise Failed("printed nothing")
    return figures, notes


def clean_environment(extra):
    """A PLAIT_ variable or GOMAXPROCS of the caller would change what is measured."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PLAIT_") and k != "GOMAXPROCS"}
    return {**kept, **extra}


def busy_seconds():
    """CPU time of the whole machine so far, in steps of 10 ms per processor."""
    ticks = open("/proc/stat").readline().split()[1:9]
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, ticks)
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def own_seconds():
    u, c = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return u.ru_utime + u.ru_stime + c.ru_utime + c.ru_stime


def watched(peer, places):
    """One run, and how many processors other programs used meanwhile."""
    wall, busy, own = time.monotonic(), busy_seconds(), own_seconds()
    got = once(peer, places)
    wall, busy, own = time.monotonic() - wall, busy_seconds() - busy, own_seconds() - own
    return got, max(0.0, (busy - own) / wall)


def undisturbed(peer, places, quiet):
    """One run; quiet: again, up to QUIET_TRIES times, while other programs use the processors. The least disturbed counts."""
    best = None
    for attempt in range(QUIET_TRIES if quiet else 1):
        if attempt:
            time.sleep(0.2 * attempt)
        now = watched(peer, places)
        best = now if best is None or now[1] < best[1] else best
        if best[1] <= QUIET_SHARE:
            break
    return best


def put_first(pid):
    """Other programs get what this session leaves them. Linux shares processors between sessions first (autogroup), so that nice
    alone would not do. Needs root; without it the run is as any other."""
    try:
        with open(f"/proc/{pid}/autogroup", "w") as f:
            f.write("-20")
    except OSError:
        pass


def once(peer, places):
    command = shlex.split(command_of(peer, places))
    program = next(word for word in command if word.startswith("/"))
    if not os.path.exists(program):
        raise Failed("missing: its setup could not build it")
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             env=clean_environment(peer.environment), start_new_session=True)
    if FIRST:
        put_first(child.pid)
    try:
        out, err = child.communicate(timeout=peer.limit)
    except subprocess.TimeoutExpired:
        raise Failed(f"did not end in {peer.limit} s") from None
    finally:
        try:
            os.killpg(child.pid, signal.SIGKILL)    # also what it may have started
        except ProcessLookupError:
            pass
        child.wait()
    if child.returncode:
        raise Failed(f"ended with status {child.returncode}: {((err or out).strip().splitlines() or ['no message'])[0][:100]}")
    return parse(out)


class Figure:
    """One figure of one participant over its runs."""
    def __init__(self, unit):
        self.unit, self.values = unit, []

    median = property(lambda self: statistics.median(self.values))
    low = property(lambda self: min(self.values))
    high = property(lambda self: max(self.values))


class Result:
    """All figures of one item."""
    def __init__(self, item):
        self.item = item
        self.figures = defaultdict(dict)                    # who -> {figure name: Figure}
        self.notes = defaultdict(lambda: defaultdict(list))  # who -> {note: values}
        self.failures = defaultdict(list)                   # who -> why
        self.others = []                                    # processors used by other programs during each run

    def of(self, who):
        return self.figures.get(who)

    def note(self, who, key):
        values = self.notes[who].get(key)
        return statistics.median(values) if values else None

    def add(self, who, figures, notes):
        for name, (value, unit) in figures.items():
            self.figures[who].setdefault(name, Figure(unit)).values.append(value)
        for name, value in notes.items():
            self.notes[who][name].append(value)

    def remarks(self, peer):
        runs = max((len(f.values) for f in self.figures[peer.who].values()), default=0)
        parts = [peer.note] if peer.note else []
        parts += [f"{key}={number(self.note(peer.who, key))}" for key in self.notes[peer.who]]
        if self.failures[peer.who]:
            failed = len(self.failures[peer.who])
            parts.append(f"{failed} of {runs + failed} runs failed: {self.failures[peer.who][0]}" if runs else self.failures[peer.who][0])
        return "; ".join(parts)

    def rows(self):
        """The lines to print, as lists of words."""
        for peer in self.item.peers:
            figures = self.figures.get(peer.who, {})
            if not figures:
                yield [self.item.name, peer.who, "-", "-", "-", "-", self.remarks(peer)]
            for name, f in figures.items():
                full = f"{self.item.name}.{name}" if name else self.item.name
                yield [full, peer.who, number(f.median), number(f.low), number(f.high), f.unit, self.remarks(peer)]


def item(i, places, reps, missing, quiet=False):
    """Every participant in turn, reps times; one that failed twice is left out of the later rounds."""
    result = Result(i)
    for peer in i.peers:
        program = next((n for n in missing if f"{{plait}}/{n} " in peer.command + " "), None)
        if program:
            result.failures[peer.who].append(missing[program])
    out = {p.who for p in i.peers if p.role == MISSING or result.failures[p.who]}
    for _ in range(reps):
        for peer in i.peers:
            if peer.who in out:
                continue
            try:
                got, others = undisturbed(peer, places, quiet)
                result.add(peer.who, *got)
                result.others.append(others)
            except Failed as why:
                result.failures[peer.who].append(str(why))
                if len(result.failures[peer.who]) == 2 or str(why).startswith("missing"):
                    out.add(peer.who)
    return result
