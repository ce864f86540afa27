#!/usr/bin/env python3
"""Wrong words, wrong directories, names that cannot be read: clear words, the right exit status; and nothing but plain text
in a pipe, at most 80 columns wide."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

TOOL = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.environ["PLAIT_BUILD"], "plait")


def run(*arguments, prefix=(), **more):
    done = subprocess.run([*prefix, TOOL, *arguments], capture_output=True, text=True, timeout=120, **more)
    return done.returncode, done.stdout, done.stderr


def wrong(status, words, *arguments):
    code, out, err = run(*arguments)
    assert code == status, (arguments, code, out, err)
    assert out == "" and words in err and err.count("\n") <= 2, (arguments, out, err)


def right(words, *arguments, **more):
    code, out, err = run(*arguments, **more)
    assert code == 0 and err == "" and words in out, (arguments, code, out, err)
    assert "\033" not in out and "\r" not in out, "control characters in a pipe"
    assert max(len(line) for line in out.split("\n")) <= 80, out
    return out


def check_words(here):
    wrong(2, "a command is missing")
    wrong(2, "there is no command \"braid\"", "braid")
    wrong(2, "there is no command \"braid\"", "help", "braid")
    wrong(2, "unrecognized option", "tour", "--braid")
    wrong(2, "from 1 to 256", "tour", "--workers", "0")
    wrong(2, "from 1 to 256", "tour", "--workers", "2x")
    wrong(2, "from 1 to 6", "tour", "--part", "7")
    wrong(2, "one directory, not 2", "tour", here, here)
    wrong(2, "takes no arguments", "doctor", "now")
    wrong(2, "one file", "trace")
    wrong(1, "nowhere: no such file", "trace", here + "/nowhere")
    right("usage: plait COMMAND", "help")
    right("plait tour [DIR]", "help", "tour")
    right("plait ", "--version")


def check_directories(here):
    wrong(2, "nowhere: no such file", "tour", here + "/nowhere")
    wrong(2, "file: not a directory", "tour", here + "/file")
    wrong(2, "loop: ", "tour", here + "/loop")
    os.mkdir(here + "/empty")
    assert "no regular files" in right("0 files", "tour", here + "/empty", "--part", "2")
    os.mkdir(here + "/queer")
    os.mkfifo(here + "/queer/fifo")
    os.symlink("fifo", here + "/queer/link")
    assert "1 links, 1 sockets" in right("no regular files", "tour", here + "/queer", "--part", "2")
    os.symlink(".", here + "/here")
    right("1 files", "tour", here + "/here", "--part", "2")


def unreadable(here, prefix, names):
    code, out, err = run("tour", here, "--part", "2", "--json", prefix=prefix)
    page = json.loads(out)
    assert code == 1 and err == "", (code, err)
    found = {entry["name"]: entry["error"] for entry in page["unreadable"]}
    assert found == names, found
    assert page["total"]["files"] == 2 and page["total"]["words"] == 2, page["total"]
    code, out, err = run("tour", here, "--part", "2", prefix=prefix)
    for name in names:
        assert code == 1 and "cannot read " + name in out, out


def check_unreadable(here):
    """Root reads everything, so the tool runs as somebody else then; where that is not possible, this is left out."""
    prefix = ()
    if os.getuid() == 0:
        prefix = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--")
        try:
            if run("--version", prefix=prefix)[0] != 0:
                return print("unreadable names: not tried, nobody else may run the tool here")
        except OSError:
            return print("unreadable names: not tried, there is no setpriv")
    os.chmod(here, 0o755)
    secret = here + "/secret"
    os.mkdir(secret)
    with open(here + "/closed", "w") as file:
        file.write("not for you\n")
    os.chmod(here + "/closed", 0)
    os.chmod(secret, 0)
    for name in "empty", "queer", "here", "loop":
        (os.unlink if os.path.islink(here + "/" + name) else shutil.rmtree)(here + "/" + name)
    unreadable(here, prefix, {"closed": "permission denied", "secret": "permission denied"})
    os.chmod(secret, 0o700)


def check_full(here):
    with open("/dev/full", "w") as full:
        done = subprocess.run([TOOL, "doctor"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1 and "No space left" in done.stderr, done


place = tempfile.mkdtemp(prefix="plait-wrong-")
try:
    with open(place + "/file", "w") as only:
        only.write("two words\n")
    os.symlink("loop", place + "/loop")
    check_words(place)
    check_directories(place)
    check_unreadable(place)
    check_full(place)
finally:
    shutil.rmtree(place)
