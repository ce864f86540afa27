"""The table of ratios, and docs/performance.md."""
import os
import platform
import subprocess
import time

import build
import carriers
from items import AT_MOST, BESIDE, HIGHER, LOWER, REPORTED, RIVAL
from measure import number

DOCS = f"{build.ROOT}/docs/performance.md"
HEAD = ["item", "target", "plait", "best peer", "its figure", "ratio", "verdict", "best beside"]
TIE = (0.95, 1.05)


def machine():
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    load = open("/proc/loadavg").read().split()[0]
    return f"{time.strftime('%F %T %Z')}, {cpu}, {os.cpu_count()} CPUs, Linux {os.uname().release}, load {load}"


def disturbance(result):
    """What other programs did during the runs of an item."""
    if not result.others:
        return "no runs"
    return f"other programs used {sum(result.others) / len(result.others):.2f} CPUs on average, {max(result.others):.2f} at most"


def ranked(result, roles, figure, target):
    """Participants of these roles that have the figure, best first."""
    best_first = sorted(
        (p.who for p in result.item.peers if p.role in roles and p.who != "plait" and figure in result.figures.get(p.who, {})),
        key=lambda who: result.figures[who][figure].median, reverse=target.rule == HIGHER)
    return [who for who in best_first if not target.only or (result.note(who, target.only) or 0) >= 0.5]


def verdict(ours, theirs, higher, wanted):
    """met, tie or missed, and the ratio. A ratio near 1 or overlapping ranges are a tie, which meets 1.0."""
    ratio = ours.median / theirs.median if theirs.median else float("inf")
    if (ratio >= wanted) == higher and ratio != wanted:
        kind = "met"
    elif wanted == 1 and (TIE[0] <= ratio <= TIE[1] or (ours.low <= theirs.high and theirs.low <= ours.high)):
        kind = "tie"
    else:
        kind = "missed"
    return kind, ratio


def rule_text(target):
    return target.rule.replace("1.0", f"{target.limit:.2f}") if target.limit else target.rule


def cell(result, who, figure):
    f = result.figures[who][figure]
    return f"{number(f.median)} {f.unit}"


def against_number(result, target):
    name = "+".join(target.figures)
    ours = result.of("plait")
    total = sum(ours[f].median for f in target.figures)
    met = "met" if total <= target.limit else "missed"
    unit = ours[target.figures[0]].unit
    return [f"{result.item.name}.{name}", f"<= {number(target.limit)} {unit}", f"{number(total)} {unit}", "-", "-",
            f"{total / target.limit:.2f}", met, "-"]


def against_rival(result, target, rival):
    figure = target.figures[0]
    name = f"{result.item.name}.{figure}" if figure else result.item.name
    beside = next(iter(ranked(result, (BESIDE,), figure, target)), None)
    beside_cell = f"{beside} {cell(result, beside, figure)}" if beside else "-"
    if rival is None:
        return [name, rule_text(target), cell(result, "plait", figure), "none present", "-", "-", "-", beside_cell]
    kind, ratio = verdict(result.of("plait")[figure], result.figures[rival][figure], target.rule == HIGHER, target.limit or 1)
    return [name, rule_text(target), cell(result, "plait", figure), rival, cell(result, rival, figure), f"{ratio:.2f}", kind, beside_cell]


def reported(result, target):
    beside = next(iter(ranked(result, (BESIDE, RIVAL), "", target)), None)
    return [result.item.name, target.rule, cell(result, "plait", ""), "-", "-", "-", "-",
            f"{beside} {cell(result, beside, '')}" if beside else "-"]


def item_ratios(result):
    """One row for each target of an item."""
    chosen = None
    for target in result.item.targets:
        if not result.of("plait"):
            yield [result.item.name, target.rule, "-", "-", "-", "-", "not measured", "-"]
        elif target.rule == REPORTED:
            yield reported(result, target)
        elif target.rule == AT_MOST:
            yield against_number(result, target)
        else:
            if not target.same:
                chosen = next(iter(ranked(result, (RIVAL,), target.figures[0], target)), None)
            yield against_rival(result, target, chosen)


def badness(row):
    """How far a row is from its target: above 1 is a miss."""
    try:
        ratio = float(row[5])
    except ValueError:
        return -1 if row[6] == "-" else float("inf")
    words = row[1].split()
    wanted = float(words[1]) if len(words) == 2 else 1  # with a unit it is a limit, and the ratio one to that
    return wanted / ratio if row[1].startswith(">=") and ratio else ratio / wanted


def ratios(results):
    """The whole table, worst first."""
    rows = [row for r in results for row in item_ratios(r)]
    return [HEAD, *sorted(rows, key=badness, reverse=True)]


def markdown(rows):
    lines = ["| " + " | ".join(rows[0]) + " |", "| " + " | ".join("---" for _ in rows[0]) + " |"]
    return lines + ["| " + " | ".join(c.replace("|", "\\|") for c in row) + " |" for row in rows[1:]]


def versions():
    seen = []
    for place in ("sync", "coro", "ipc"):
        path = f"{build.PLACES[place]}/versions"
        if os.path.exists(path):
            seen += [line.strip() for line in open(path) if line.strip() not in seen]
    return ", ".join(seen)


def git(*words):
    return subprocess.run(["git", "-C", build.ROOT, *words], capture_output=True, text=True).stdout.strip()


BEGIN, END = "<!-- measured: bench/run --docs writes from here -->", "<!-- to here; what follows is written by hand -->"


def stamp(command):
    changed = " with uncommitted changes" if git("status", "--porcelain", "--", "src", "include") else ""
    return f"Commit {git('rev-parse', '--short', 'HEAD')}{changed}; {machine()}. Command: `{command}`."


def write_docs(results, table, command, left_out=()):
    """The page of carriers, if they were measured; the other one, if anything else was."""
    those = [r for r in results if r.item.name.startswith("carriers-")]
    if those:
        carriers.write(those, stamp(command))
    if len(those) < len(results):
        write_performance(results, table, command, left_out)


def write_performance(results, table, command, left_out):
    """Replaces the measured part of the page; the analysis below it stays."""
    rows = [["item", "who", "median", "min", "max", "unit", "note"], *[row for r in results for row in r.rows()]]
    measured = [BEGIN, "", stamp(command), "",
                f"Peers: {versions()}.", "", "## Ratios, worst first", "",
                "The ratio is plait's median by the best peer's that does the same job; 0.95 to 1.05, or overlapping ranges, is a tie and "
                "meets 1.0. \"Best beside\" does another job: the note of its row below says which.", "",
                *markdown(table), "", "## All figures", "", *markdown(rows), "",
                "## How quiet the machine was", "", *[f"- {r.item.name}: {disturbance(r)}" for r in results], "", END]
    if left_out:
        measured[3:3] = [f"Not measured, the time was over: {', '.join(left_out)}.", ""]
    head, tail = "# Performance\n\nWritten by `bench/run --docs`; [bench/README.md](../bench/README.md) says what each item is.\n\n", "\n"
    if os.path.exists(DOCS):
        text = open(DOCS).read()
        if BEGIN in text and END in text:
            head, tail = text[:text.index(BEGIN)], text[text.index(END) + len(END):]
    with open(DOCS, "w") as f:
        f.write(head + "\n".join(measured) + tail)
