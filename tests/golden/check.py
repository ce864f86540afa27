#!/usr/bin/env python3
"""Does the output of a program follow a specification? A partial order, since the order of tasks is mostly free.

    # a comment
    > TEXT                  one line; it comes after the lines of all earlier `>`
    LABEL> TEXT             the same, with a name for `order`
    LABEL: TEXT             one line, anywhere
    LABEL x 3: TEXT         three such lines; `x 0-1` none or one
    LABEL [i=0..9]: TEXT    ten lines, {i} in TEXT is 0, 1 ... 9; LABEL is all of them, LABEL3 one
    order: A < B < C        each line of A comes before each line of B
    order: A                the lines of a family come in the order of i
    differ: a b             the numbers {a} and {b} of the TEXTs differ
    each: b 0..9            the numbers {each b} of all TEXTs are 0 to 9, each once
    only: thread real       what follows holds for these carriers and clocks (real, virtual) alone; `only: all` ends it
    slack: 2                how many units later than it says a stamp may be on the real clock
    stderr: TEXT            this line is on stderr, which is empty otherwise
    exit: 0                 or the name of a signal: SIGABRT

In a TEXT {#} is any number, {name} a number that is the same wherever the name stands, {each name} one that is another each
time, {a|b} one of several texts, {*} anything. {main} is the program's pid, {before} its parent's. A TEXT that begins with "3 s  " is a stamp: on the virtual clock it is exact, on the real one a sleep is never
short, and late by the slack at most.

    check.py SPEC CARRIER real|virtual <OUTPUT      checks standard input, for trying a specification by hand
"""
import re
import signal
import sys

CARRIERS = ("process", "thread", "coroutine")
CLOCKS = ("real", "virtual")


class Line:
    """One line of the specification: what it matches, how often, and which lines of the output it got."""

    def __init__(self, label, text, least=1, most=1, family=None):
        self.label, self.text, self.least, self.most, self.family = label, text, least, most, family
        self.taken = []  # positions in the output
        stamp = re.match(r"(\d+) s  (.*)", text)
        self.stamp = int(stamp[1]) if stamp else None
        self.parts = re.split(r"\{([^{}]*)\}", stamp[2] if stamp else text)
        self.pattern, self.names = self.compile()

    def compile(self):
        pattern, names = "", []
        for place, part in enumerate(self.parts):
            if place % 2 == 0:
                pattern += re.escape(part)
            elif part == "*":
                pattern += ".*"
            elif part == "#":
                pattern += r"-?\d+"
            elif "|" in part:
                pattern += "(?:" + "|".join(map(re.escape, part.split("|"))) + ")"
            else:
                pattern += r"(-?\d+)"
                names.append(part)
        return re.compile(pattern), names

    def matches(self, line, bound, clock, slack):
        """The numbers that this line would bind, or None."""
        if self.stamp is not None:
            stamp = re.match(r"(\d+) s  (.*)", line)
            late = int(stamp[1]) - self.stamp if stamp else -1
            if not 0 <= late <= (slack if clock == "real" else 0):
                return None
            line = stamp[2]
        match = self.pattern.fullmatch(line)
        if match is None:
            return None
        new = {}
        for name, value in zip(self.names, match.groups()):
            if name.startswith("each "):
                new[name] = new.get(name, bound.get(name, [])) + [int(value)]
            elif bound.get(name, value) != value or new.get(name, value) != value:
                return None
            else:
                new[name] = value
        return new


class Spec:
    def __init__(self, text, carrier, clock):
        self.carrier, self.clock = carrier, clock
        self.lines, self.orders, self.differ, self.each, self.stderr = [], [], [], [], []
        self.exit, self.slack = 0, 2
        self.last = None  # the `>` before
        active = True
        for number, raw in enumerate(text.split("\n"), 1):
            line = raw.rstrip()
            if not line or line.startswith("#"):
                continue
            if line.startswith("only:"):
                active = self.is_meant(line[5:].split())
            elif active and not self.directive(line) and not self.add(line):
                raise ValueError(f"line {number} is not understood: {line}")

    def is_meant(self, words):
        if words == ["all"]:
            return True
        unknown = set(words) - set(CARRIERS) - set(CLOCKS)
        if unknown:
            raise ValueError(f"only: {unknown}")
        return all(not set(words) & set(kind) or self_is in words
                   for kind, self_is in ((CARRIERS, self.carrier), (CLOCKS, self.clock)))

    def directive(self, line):
        word, _, rest = line.partition(": ")
        if word == "order":
            self.orders.append([name.strip() for name in rest.split("<")])
        elif word == "differ":
            self.differ.append(rest.split())
        elif word == "each":
            name, first, last = re.fullmatch(r"(\w+) (\d+)\.\.(\d+)", rest).groups()
            self.each.append((name, list(range(int(first), int(last) + 1))))
        elif word == "stderr":
            self.stderr.append(Line("", rest))
        elif word == "exit":
            self.exit = -getattr(signal, rest).value if rest.startswith("SIG") else int(rest)
        elif word == "slack":
            self.slack = int(rest)
        else:
            return False
        return True

    def add(self, line):
        chain = re.match(r"(\w*)> (.*)", line)
        if chain:
            self.chain(Line(chain[1] or f"line {len(self.lines) + 1}", chain[2]))
            return True
        one = re.match(r"(\w+)(?: x (\d+)(?:-(\d+))?)?(?: \[i=(\d+)\.\.(\d+)\])?: (.*)", line)
        if not one:
            return False
        label, least, most, first, last, text = one.groups()
        least = int(least or 1)
        most = int(most or least)
        if first is None:
            self.lines.append(Line(label, text, least, most))
        else:
            for i in range(int(first), int(last) + 1):
                self.lines.append(Line(f"{label}{i}", text.replace("{i}", str(i)), least, most, label))
        return True

    def chain(self, line):
        self.lines.append(line)
        if self.last:
            self.orders.append([self.last.label, line.label])
        self.last = line

    def named(self, name):
        found = [line for line in self.lines if name in (line.label, line.family)]
        if not found:
            raise ValueError(f"order: there is no {name}")
        return found

    # ---- checking
    def check(self, stdout, stderr, status, bound=None):
        """What is wrong, as a list of sentences; empty when all is well. `bound`: numbers that are known beforehand."""
        wrong = []
        if status != self.exit:
            wrong.append(f"exit status {status}, not {self.exit}")
        wrong += self.match(stdout.split("\n")[:-1] if stdout.endswith("\n") else stdout.split("\n") if stdout else [],
                            dict(bound or {}))
        wrong += self.check_orders()
        wrong += self.check_stderr(stderr)
        return wrong

    def match(self, output, bound):
        wrong = []
        for line in self.lines:
            line.taken = []
        for position, text in enumerate(output):
            for line in self.lines:
                new = line.matches(text, bound, self.clock, self.slack) if len(line.taken) < line.most else None
                if new is not None:
                    line.taken.append(position)
                    bound.update(new)
                    break
            else:
                wrong.append(f"unexpected: {text}")
        wrong += [f"missing: {line.text}" + (f" ({len(line.taken)} of {line.least})" if line.least > 1 else "")
                  for line in self.lines if len(line.taken) < line.least]
        return wrong + self.check_numbers(bound)

    def check_numbers(self, bound):
        wrong = []
        for name, values in self.each:
            if sorted(bound.get("each " + name, [])) != values:
                wrong.append(f"not each {name} once: {bound.get('each ' + name)}")
        for names in self.differ:
            values = [bound[name] for name in names if name in bound]
            if len(set(values)) < len(names):
                wrong.append(f"{' and '.join(names)} should differ: {values}")
        return wrong

    def check_orders(self):
        wrong = []
        for names in self.orders:
            steps = [self.named(name) for name in names] if len(names) > 1 else [[line] for line in self.named(names[0])]
            for before, after in zip(steps, steps[1:]):
                wrong += [f"`{a.text}` should come before `{b.text}`" for a in before for b in after
                          if a.taken and b.taken and max(a.taken) > min(b.taken)]
        return wrong

    def check_stderr(self, stderr):
        lines = stderr.split("\n")[:-1]
        if not self.stderr:
            return [f"on stderr: {line}" for line in lines]
        return [f"not on stderr: {want.text}" for want in self.stderr
                if not any(want.matches(line, {}, self.clock, self.slack) is not None for line in lines)]


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    with open(sys.argv[1]) as file:
        spec = Spec(file.read(), sys.argv[2], sys.argv[3])
    wrong = spec.check(sys.stdin.read(), "", spec.exit)
    print("\n".join(wrong) or "as specified")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
