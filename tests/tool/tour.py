#!/usr/bin/env python3
"""The whole tour: each part is as it must be on each carrier, with one and with two workers, and with all newer
kernel features hidden; no time is judged."""
import json
import os
import subprocess
import sys
import tempfile

TOOL = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.environ["PLAIT_BUILD"], "plait")
CARRIERS = ["sequence", "threads", "processes", "coroutines"]
HIDDEN = "-futex_waitv,-pidfd_info,-guard,-epoll_pwait2,-uring,-uring_futex"


def tour(tree, *options, **variables):
    done = subprocess.run([TOOL, "tour", tree, "--json", *options], capture_output=True, text=True, timeout=200,
                          env=dict(os.environ, **variables))
    # A kernel without cheap guards ends the row of sleepers early, and says why.
    assert done.returncode == 0 and all("no guard page" in line for line in done.stderr.splitlines()), done
    return json.loads(done.stdout)


def check(page, workers):
    assert page["status"] == 0 and page["workers"] == workers, page
    assert [row["carrier"] for row in page["timing"]["rows"]] == CARRIERS
    assert page["timing"]["tasks"] == max(workers, 2)
    assert [run["carrier"] for run in page["runs"]] == CARRIERS and all(run["same"] for run in page["runs"])
    assert page["one_killed"]["killed"] and page["one_killed"]["same"] and page["one_killed"]["counted_again"] > 0, page
    assert page["total"] == {"files": 3, "lines": 4, "words": 14, "bytes": 63}, page["total"]
    assert page["top"][:3] == [{"word": "to", "count": 3}, {"word": "question", "count": 2}, {"word": "a", "count": 1}], page["top"]
    for row in page["tickets"]["carriers"]:
        assert (row["sold_without_lock"], row["sold_with_lock"], row["left_with_lock"]) == (10, 3, 0), row
    assert page["tickets"]["owner_died"]["right"]
    assert len(page["queue"]) == 3 and all(line["right"] for line in page["queue"])
    assert page["readers_killed"]["right"] and page["readers_killed"]["done_once"] == page["readers_killed"]["items"]
    assert page["sleepers"]["right"] and page["sleepers"]["asleep_at_once"] == page["sleepers"]["count"]
    assert page["death"]["right"]
    assert len(page["updates"]) == 2 and all(line["right"] for line in page["updates"])


with tempfile.TemporaryDirectory(prefix="plait-tour-") as place:
    for name, text in ("one", "to be or not\n\n"), ("two", "to be: that\n"), (".three", "a question to ask\n"):
        with open(place + "/" + name, "w") as file:
            file.write(text)
    with open(place + "/two", "a") as file:
        file.write("is the question \x01\x02\x03")
    check(tour(place, "--workers", "2"), 2)
    check(tour(place, "--workers", "1", PLAIT_OS=HIDDEN), 1)
    page = tour(place, "--workers", "5", "--part", "2")
    assert page["workers"] == 5 and all(run["same"] for run in page["runs"]), page
