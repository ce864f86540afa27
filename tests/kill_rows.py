#!/usr/bin/env python3
"""Every operation on shared objects that the headers declare has a row in the kill harness: some file of tests/kill calls it.
And every file of src that mends what a death left has a row whose victim does that."""
import glob
import os
import re
import sys

ROOT = os.environ.get("PLAIT_SOURCE") or os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HEADERS = """lock rlock rwlock locks event condition semaphore permits barrier latch once value queue queue_many queue_place
queue_done queue_shared pipe array dict segment""".split()

# What needs none, with the reason.
WITHOUT = {
    r"plait_\w+_(init|open|free)$": "nobody else has it yet, or any more; names have rows of their own in tests/test_area.c",
    r"plait_\w+_(is_held|is_set|is_closed|depth|count|size|capacity|waiting|value|offset|memory|lock)$": "one load, or no access",
    r"plait_value_get(_double)?$|plait_array_count$|plait_queue_lost$": "one load",
    r"plait_value_set_double$": "plait_value_set with other bits",
    r"plait_\w+_(on_death|action)$": "this process' own memory",
    r"plait_(hold|held_end|\w+_hold(_read|_write)?)$": "acquire and release with a repair",
    r"plait_condition_wait$": "what plait_condition_wait_for calls",
    r"plait_queue_fed_by$": "a watch of this process' own; it ends in plait_queue_close",
    r"plait_pipe_close$": "plait_queue_close, twice",
    r"plait_value_(add|wake)_$": "plait_value_add's, which is inline",
    r"plait_on_\w+$|plait_zero_$": "makes a case, or turns a size into 0",
}

# Who mends calls one of these.
MENDS = r"\b(shared_lock_mend|guard_mended|share_journal_undo|robust_patrol|os_thread_is_gone|share_user_is_gone|shared_is_gone)\("

# A file that does, and the text of a row in tests/kill that kills it there; "": none of its own, with the reason.
REPAIRS = {
    "src/dict/change.c": "dict: repair of a set, by a set",
    "src/dict/check.c": "dict: repair of a set, by a set",
    "src/dict/chunk.c": "dict: repair inside the pool, taking",
    "src/dict/array.c": "array: repair by a set",
    "src/segment/segment.c": "repair of an allocate",
    "src/segment/heap.c": "repair of an allocate",
    "src/queue/shared_call.c": "of a message's put",
    "src/queue/shared_lease.c": "after a message's taker",
    "src/queue/shared_ring.c": "after a reserver",
    "src/queue/shared_places.c": "repair of a loss, counted",
    "src/sync/shared_barrier.c": "of a round's end",
    "src/sync/permits.c": "after the front, one",
    "src/sync/shared_semaphore.c": "repair by a try",
    "src/sync/shared_rwlock.c": "after a reader",
    "src/sync/rwlock.c": "after a writer, by a writer",
    "src/sync/shared_lock.c": "lock: repair by patrol",
    "src/sync/lock.c": "lock: repair",
    "src/sync/once.c": "once: repair",
    "src/dict/guard.c": "",  # what change.c, chunk.c and array.c call
    "src/share/journal.c": "",  # what the dict and the segment call
    "src/wait/robust.c": "",  # one step of the kernel's, which the lock's patrol takes
    "src/wait/entry.c": "",  # asks for a coroutine, which then looks itself
    "src/os/holder.c": "",  # asks the kernel and changes nothing
    "src/share/users.c": "area: repair of a full roster",
}


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def operations(header):
    text = re.sub(r"/\*.*?\*/", "", read(f"include/plait/{header}.h"), flags=re.S)
    text = re.sub(r"^\s*#.*?[^\\]$", "", text, flags=re.M | re.S)
    return sorted(set(re.findall(r"\b(plait_[a-z0-9_]+)\(", text)))


def needs_none(name):
    return any(re.search(pattern, name) for pattern in WITHOUT)


calls = "".join(read(path) for path in glob.glob("tests/kill/*.c", root_dir=ROOT))
called = set(re.findall(r"\b(plait_[a-z0-9_]+)\(", calls))
called |= {name + "_bytes" for name in called}
missing = [(header, name) for header in HEADERS if os.path.exists(os.path.join(ROOT, f"include/plait/{header}.h"))
           for name in operations(header) if not needs_none(name) and name not in called]
for header, name in missing:
    print(f"kill: {name} ({header}.h) has no row in tests/kill")
rows = set(re.findall(r'"([^"\n]+)"', calls))
for path in sorted(glob.glob("src/**/*.c", root_dir=ROOT, recursive=True)):
    row = REPAIRS.get(path) if re.search(MENDS, read(path)) else ""
    if row is None or (row and row not in rows):
        missing.append((path, row))
        print(f"kill: {path} mends what a death left, and no row of tests/kill is named for it")
if not called:
    sys.exit("kill: no rows found at all")
sys.exit(1 if missing else 0)
