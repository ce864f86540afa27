#!/usr/bin/env python3
"""The headers are the manual: their examples compile, every call says its errors and what blocks, docs/errors.md is what they
say, docs/carriers.md what its figures make, and the library's symbols are the calls that they tell, no more and no fewer."""
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.environ.get("PLAIT_SOURCE") or os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("PLAIT_BUILD", os.path.join(ROOT, "build", "release"))
INLINE = {"plait_killed_by", "plait_branch_fork", "plait_branch_merge"}  # what they call ends in _, as all plumbing does
failures = []


def fail(text):
    failures.append(text)
    print("manual:", text)


def generate(*words):
    return subprocess.run([sys.executable, os.path.join(ROOT, "man", "generate.py"), *words], capture_output=True, text=True, check=True).stdout


def header_files():
    folder = os.path.join(ROOT, "include", "plait")
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]


def check_examples():
    with tempfile.TemporaryDirectory() as folder:
        generate("--examples", folder)
        for header in header_files():
            name = os.path.basename(header)[:-2]
            example = os.path.join(folder, name + ".c")
            if not os.path.exists(example):
                fail(f"{name}.h has no example")
                continue
            done = subprocess.run(["gcc", "-std=gnu11", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Wno-missing-field-initializers", "-Werror", "-I" + os.path.join(ROOT, "include"),
                                   "-fsyntax-only", example], capture_output=True, text=True, check=False)
            if done.returncode:
                fail(f"the example of {name}.h does not compile:\n{done.stderr}")


def check_words():
    """Every call has its two facts; the manual is more text than code."""
    calls = set(generate("--calls").split())
    for header in header_files():
        with open(header, encoding="utf-8") as f:
            text = f.read()
        for comment, name in re.findall(r"(/\*(?:[^*]|\*(?!/))*\*/)\n(?:PLAIT_MUST_USE )?(?!typedef)[\w *]*\b(plait_\w+)\((?!.*\\\n)[^;{]*\);", text):
            for fact in ("errors", "blocks"):
                if not re.search(rf"^ \*   {fact} ", comment, re.M) and name != "plait_exit":
                    fail(f"{os.path.basename(header)}: {name} does not say its {fact}")
        for name in re.findall(r"^(?!typedef)[\w *]*?\b(plait_\w+)\([^;{\\]*\);", text, re.M):
            if name not in calls and not name.endswith("_"):
                fail(f"{os.path.basename(header)}: {name} has no comment of its own")
    return calls


def check_errors_page():
    with open(os.path.join(ROOT, "docs", "errors.md"), encoding="utf-8") as f:
        if f.read() != generate("--errors"):
            fail("docs/errors.md is not what the headers say: man/generate.py --errors > docs/errors.md")


def check_carriers_page():
    done = subprocess.run([sys.executable, "-B", os.path.join(ROOT, "bench", "carriers.py")], capture_output=True, text=True, check=False)
    if done.returncode:
        fail(done.stderr.strip())


def check_notes_page():
    """What docs/notes.md names as proof is there: each file, and the test in it."""
    with open(os.path.join(ROOT, "docs", "notes.md"), encoding="utf-8") as f:
        page = f.read()
    for path, name in re.findall(r"`((?:examples|tests)/[\w/.]+)(?::(\w+))?`", page):
        whole = os.path.join(ROOT, path)
        if not os.path.exists(whole):
            fail(f"docs/notes.md names {path}, which is not there")
        elif name:
            with open(whole, encoding="utf-8") as f:
                if not re.search(rf"\b{name}\b", f.read()):
                    fail(f"docs/notes.md names {name} of {path}, which has none")


def check_defaults_page():
    """Every field of an options struct and every variable that the library reads stands in docs/defaults.md."""
    with open(os.path.join(ROOT, "docs", "defaults.md"), encoding="utf-8") as f:
        page = f.read()
    for header in header_files():
        with open(header, encoding="utf-8") as f:
            text = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)
        for body, struct in re.findall(r"typedef struct plait_\w+ \{([^}]*PLAIT_OPTIONS[^}]*)\} (plait_\w+);", text):
            for field in re.findall(r"\b(\w+)(?=[,;]|\)\()", re.sub(r"\(const void[^)]*\)|PLAIT_OPTIONS\(\w+\)", "", body)):
                if f"`{field}`" not in page:
                    fail(f"docs/defaults.md does not tell {struct}.{field}")
    with open(os.path.join(ROOT, "src", "base", "settings.c"), encoding="utf-8") as f:
        for variable in sorted(set(re.findall(r'"(PLAIT_[A-Z_]+)"', f.read()))):
            if f"`{variable}`" not in page:
                fail(f"docs/defaults.md does not tell {variable}")


def check_symbols(calls):
    library = os.path.join(BUILD, "libplait.so")
    if not os.path.exists(library):
        fail(f"{library} is not there")
        return
    out = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout
    exported = {line.split()[2].split("@")[0] for line in out.split("\n") if len(line.split()) == 3} - {"PLAIT_0"}
    exported = {name for name in exported if name.startswith("plait_") and not name.endswith("_")}
    for name in sorted(exported - calls):
        fail(f"{name} leaves the library and stands in no header")
    for name in sorted(calls - exported - INLINE):
        fail(f"{name} stands in a header and not in the library")


check_examples()
all_calls = check_words()
check_errors_page()
check_carriers_page()
check_notes_page()
check_defaults_page()
check_symbols(all_calls)
sys.exit(bool(failures))
