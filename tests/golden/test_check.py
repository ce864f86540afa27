#!/usr/bin/env python3
"""Tests of check.py itself: that each kind of line in a specification accepts what it should and, above all, rejects."""
import sys

sys.dont_write_bytecode = True
import check

# specification, carrier, clock, output, stderr, status, how many complaints
CASES = [
    ("> a\n> b", "thread", "virtual", "a\nb\n", "", 0, 0),
    ("> a\n> b", "thread", "virtual", "b\na\n", "", 0, 1),
    ("> a\n> b", "thread", "virtual", "a\n", "", 0, 1),
    ("> a", "thread", "virtual", "a\na\n", "", 0, 1),
    ("> a", "thread", "virtual", "", "", 0, 1),
    ("", "thread", "virtual", "a\n", "", 0, 1),
    ("x [i=0..2]: n {i}", "thread", "virtual", "n 2\nn 0\nn 1\n", "", 0, 0),
    ("x [i=0..2]: n {i}\norder: x", "thread", "virtual", "n 2\nn 0\nn 1\n", "", 0, 1),
    ("x [i=0..2]: n {i}\norder: x0 < x2", "thread", "virtual", "n 2\nn 0\nn 1\n", "", 0, 1),
    ("x [i=0..2]: n {i}", "thread", "virtual", "n 2\nn 2\nn 1\n", "", 0, 2),
    ("x: a\ny x 2: b\norder: x < y", "thread", "virtual", "b\na\nb\n", "", 0, 1),
    ("y x 0-1: b", "thread", "virtual", "", "", 0, 0),
    ("y x 0-1: b", "thread", "virtual", "b\nb\n", "", 0, 1),
    ("> ppid {p}\n> pid {p}", "thread", "virtual", "ppid 4\npid 4\n", "", 0, 0),
    ("> ppid {p}\n> pid {p}", "thread", "virtual", "ppid 4\npid 5\n", "", 0, 2),
    ("> {p} {q}\ndiffer: p q", "thread", "virtual", "4 4\n", "", 0, 1),
    ("> {each p} {each p}\n> {each p}\neach: p 0..2", "thread", "virtual", "2 0\n1\n", "", 0, 0),
    ("> {each p}\n> {each p}\neach: p 0..1", "thread", "virtual", "1\n1\n", "", 0, 1),
    ("> {each p}\n> {each p}\neach: p 0..1", "thread", "virtual", "1\n2\n", "", 0, 1),
    ("> {main}", "thread", "virtual", "9\n", "", 0, 0),
    ("> {main}", "thread", "virtual", "8\n", "", 0, 2),
    ("> {a|b}{#}", "thread", "virtual", "b-7\n", "", 0, 0),
    ("> {a|b}", "thread", "virtual", "c\n", "", 0, 2),
    ("> a.c", "thread", "virtual", "abc\n", "", 0, 2),
    ("> 3 s  x", "thread", "virtual", "3 s  x\n", "", 0, 0),
    ("> 3 s  x", "thread", "virtual", "4 s  x\n", "", 0, 2),
    ("> 3 s  x", "thread", "real", "4 s  x\n", "", 0, 0),
    ("> 3 s  x", "thread", "real", "2 s  x\n", "", 0, 2),
    ("slack: 1\n> 3 s  x", "thread", "real", "5 s  x\n", "", 0, 2),
    ("only: process\n> a\nonly: thread coroutine\n> b\nonly: all\n> c", "thread", "real", "b\nc\n", "", 0, 0),
    ("only: process\n> a\nonly: thread coroutine\n> b\nonly: all\n> c", "process", "real", "b\nc\n", "", 0, 2),
    ("only: thread real\n> a", "thread", "virtual", "", "", 0, 0),
    ("> a", "thread", "virtual", "a\n", "oh\n", 0, 1),
    ("stderr: {*}twice{*}", "thread", "virtual", "", "join: twice by main\n", 0, 0),
    ("stderr: {*}twice{*}", "thread", "virtual", "", "", 0, 1),
    ("exit: SIGABRT", "thread", "virtual", "", "", -6, 0),
    ("exit: SIGABRT", "thread", "virtual", "", "", 0, 1),
    ("", "thread", "virtual", "", "", 1, 1),
]


def main():
    failed = 0
    for text, carrier, clock, out, err, status, expected in CASES:
        wrong = check.Spec(text, carrier, clock).check(out, err, status, {"main": "9"})
        if len(wrong) != expected:
            failed += 1
            print(f"{text!r} on {out!r}: {wrong}")
    for nonsense in ("what is this", "order: a < b\n> c", "only: fibre"):
        try:
            check.Spec(nonsense, "thread", "real").check("c\n", "", 0)
            failed += 1
            print(f"accepted: {nonsense!r}")
        except ValueError:
            pass
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
