#!/usr/bin/env python3
"""The totals of `plait tour DIR --json` are those of find and wc, on three trees: odd names and kinds of
files, one of 200 MB with a huge file and 20,000 tiny ones, and a small one that is read many times. The
most frequent words are counted here again."""
import collections
import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile

TOOL = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.environ["PLAIT_BUILD"], "plait")
C = dict(os.environ, LC_ALL="C")
PRINTS = bytes(range(0x21, 0x7F))


def tour(tree):
    run = subprocess.run([TOOL, "tour", tree, "--json", "--part", "2", "--seconds", "400"], capture_output=True, timeout=500)
    assert run.stderr == b"", run.stderr
    return run.returncode, json.loads(run.stdout)


def regular_files(tree):
    """As the tour promises: by find, one file system, each inode once."""
    listed = subprocess.run(["find", tree, "-xdev", "-type", "f", "-printf", "%D:%i %p\\0"], capture_output=True, check=True).stdout
    once = {}
    for entry in listed.split(b"\0")[:-1]:
        inode, name = entry.split(b" ", 1)
        once.setdefault(inode, name)
    return list(once.values())


def wc(files):
    """Lines, words, bytes by wc."""
    if not files:
        return 0, 0, 0
    table = subprocess.run(["wc", "-lwc", "--files0-from=-"], input=b"\0".join(files) + b"\0", capture_output=True, check=True, env=C)
    lines = table.stdout.splitlines()
    return tuple(int(number) for number in lines[-1].split()[:3])


def words_of(data):
    return (word for word in data.split() if word.translate(None, PRINTS) != word)


def top(counts):
    return [(word, count) for word, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))][:20]


def word_in(entry):
    word = entry["word"].encode()
    if "escaped" not in entry:
        return word
    return re.sub(rb"\\(\\|x(..))", lambda found: bytes([int(found[2], 16)]) if found[2] else b"\\", word)


def compare(tree, counts=None):
    status, page = tour(tree)
    files = regular_files(tree)
    lines, words, size = wc(files)
    wanted = {"files": len(files), "lines": lines, "words": words, "bytes": size}
    assert page["total"] == wanted, (page["total"], wanted)
    assert status == 0 and page["unreadable"] == [] and page["whole"], page
    assert [run["carrier"] for run in page["runs"]] == ["sequence", "threads", "processes", "coroutines"]
    for run in page["runs"]:  # on a very busy machine the first may have been stopped
        assert run["same"] or not run["whole"], run
    if counts is None:
        counts = collections.Counter()
        for name in files:
            with open(name, "rb") as file:
                counts.update(words_of(file.read()))
    found = [(word_in(entry), entry["count"]) for entry in page["top"]]
    assert page["top_exact"] and found == top(counts), (found, top(counts))
    return page


def put(tree, name, data):
    path = os.path.join(os.fsencode(tree), name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


def odd(tree):
    chance = random.Random(1)
    put(tree, b"plain", b"some plain words\nand some more\n")
    put(tree, b"no end of line", b"last line without an end")
    put(tree, b"empty", b"")
    put(tree, b".hidden/.dot", b"hidden words\n")
    put(tree, b"a\nb\n", b"the name has lines\n")
    put(tree, b"  spaces  /-rf", b"- -- -rf\n")
    put(tree, b"\xff\xfe\x80 bytes", b"\xc3\xa9t\xc3\xa9 \xe6\xbc\xa2a \xffx \xffx \xffx \\ \\ \" \"\n")
    put(tree, b"*?[x]\\", b"* * ? \\n \x1b[31mred\x7f\n")
    put(tree, b"binary", bytes(byte for byte in chance.randbytes(300000)))
    put(tree, b"noughts", bytes(70000) + b"x" + bytes(70000))
    put(tree, b"one long word", b"w" * 700000)
    put(tree, b"/".join([b"deep"] * 60) + b"/end", b"so deep\n")
    put(tree, b"n" * 255, b"the longest name\n")
    os.link(tree + "/plain", tree + "/.hidden/plain again")
    for name, target in ("link", "plain"), ("up", ".."), ("loop", "loop"), ("broken", "nowhere"), ("outside", "/etc/passwd"):
        os.symlink(target, tree + "/" + name)
    os.mkfifo(tree + "/fifo")
    with socket.socket(socket.AF_UNIX) as end:
        os.chdir(tree)
        end.bind("socket")
    page = compare(tree)
    assert page["repeats"] == 1 and page["links"] == 5 and page["specials"] == 2, page


def big(tree):
    chance = random.Random(2)
    vocabulary = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(1, 12))).encode() for _ in range(50000)]
    vocabulary += [b"long" * 2000]
    weights = [1 / (rank + 3) for rank in range(len(vocabulary))]
    block = b""
    while len(block) < 4 << 20:
        block += b" ".join(chance.choices(vocabulary, weights, k=2000)) + chance.choice([b"\n", b"\n\n", b" \t\r\n"])
    repeats = 42
    counts = collections.Counter(words_of(block))
    for word in counts:
        counts[word] *= repeats
    put(tree, b"huge", b"")
    with open(tree + "/huge", "wb") as file:
        for _ in range(repeats):
            file.write(block)
    for number in range(20000):
        data = b"tiny %d " % number + b" ".join(chance.choices(vocabulary[:40000], k=chance.randint(0, 300))) + b"\n"
        counts.update(words_of(data))
        put(tree, b"tiny/%d/%d" % (number % 100, number), data)
    page = compare(tree, counts)
    assert page["total"]["bytes"] > 190e6 and page["total"]["files"] == 20001, page["total"]


def small(tree):
    put(tree, b"one", b"to be or not to be\n")
    put(tree, b"two/three", b"that is the question: to be\n")
    page = compare(tree)
    assert page["passes"] > 10, page["passes"]


for build in small, odd, big:
    where = tempfile.mkdtemp(prefix="plait-tree-")
    try:
        build(where)
    finally:
        os.chdir("/")
        shutil.rmtree(where)
    print(build.__name__, "tree: totals and words as find and wc have them")
