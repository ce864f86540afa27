#!/usr/bin/env python3
"""The manual from the headers, so that nothing is told twice.

generate.py DIR              section-3 man pages: one per header, and one per call that refers to it
generate.py --errors         docs/errors.md on stdout: a row per call
generate.py --examples DIR   each header's example as a C file
generate.py --calls          the names of all calls, one a line

A header opens with a comment of paragraphs, one of them the example (indented, after "Example:"). Each call is preceded by
its comment: text, then lines "tag  what", whose tag is a parameter's name or one of returns, errors, misuse, fork, blocks.
"""
import os
import re
import sys
import textwrap

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INCLUDE = os.path.join(ROOT, "include", "plait")
TAG = re.compile(r"  (\w+)\s+(\S.*)$")
FACTS = ("returns", "errors", "misuse", "fork", "blocks")


def uncomment(text):
    """The lines of a block comment without its stars."""
    lines = text[2:-2].rstrip().split("\n")
    return [lines[0].strip()] + [re.sub(r"^ \* ?", "", line).rstrip() for line in lines[1:]]


class Call:
    """A function with its comment: .name, .prototype, .text (paragraph), .tags [(tag, what)]."""

    def __init__(self, name, prototype, comment):
        self.name, self.prototype = name, prototype
        text, self.tags = [], []
        for line in uncomment(comment):
            tag = TAG.match(line)
            if tag and not line.startswith("   "):
                self.tags.append([tag[1], tag[2]])
            elif self.tags:
                self.tags[-1][1] += " " + line.strip()
            else:
                text.append(line.strip())
        self.text = " ".join(text)

    def fact(self, tag):
        return dict(self.tags).get(tag, "")


class Header:
    """One noun: .name ("lock"), .title, .paragraphs, .example (lines), .items [(comment, code)], .calls."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as f:
            source = f.read()
        opening = re.match(r"/\*.*?\*/", source, re.S)
        lines = uncomment(opening.group())
        self.name = os.path.basename(path)[:-2]
        self.title = re.match(r"\S+ - (.*?)\. Include", lines[0])[1]
        self.paragraphs, self.example = [], []
        self._read_opening(lines[1:])
        body = re.sub(r"#ifdef __cplusplus\nextern \"C\" \{\n#endif\n|#ifdef __cplusplus\n\}\n#endif\n", "", source[opening.end():])
        self.items = [(m[1], m[2].rstrip()) for m in re.finditer(r"^(/\*(?:[^*]|\*(?!/))*\*/)\n((?:(?!/\*).+\n)+)", body, re.M)]
        self.calls = []
        for comment, code in self.items:
            prototype = re.match(r"(?:PLAIT_MUST_USE |static inline )*[\w *]*?\b(plait_\w+)\((?:.|\n)*?\)(?=;|\n\{)", code)
            if prototype and not code.startswith("typedef") and not prototype[1].endswith("_"):
                self.calls.append(Call(prototype[1], " ".join(prototype.group().split()) + ";", comment))

    def _read_opening(self, lines):
        mode = "text"
        block = []
        for line in lines + [""]:
            if line == "Example:":
                mode = "example"
            elif mode == "example" and (line.startswith("    ") or not line and not self.example):
                self.example.append(line[4:])
            elif line:
                mode = "text"
                block.append(line)
            elif block:
                self.paragraphs.append(block)
                block = []


def headers():
    return [Header(os.path.join(INCLUDE, name)) for name in sorted(os.listdir(INCLUDE)) if name.endswith(".h")]


# ---- man pages


def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text.startswith((".", "'")) else text


def roff_code(lines):
    return [".EX", *(roff(line) for line in lines), ".EE"]


def roff_paragraph(block):
    if all(line.startswith("    ") for line in block):
        return [".PP", ".RS 4", *roff_code([line[4:] for line in block]), ".RE"]
    return [".PP", *(roff(line.strip()) for line in block)]


def roff_call(call):
    out = [".SS " + call.name, roff(call.text)]
    for tag, what in call.tags:
        out += [".TP 10", (".B " if tag in FACTS else ".I ") + tag, roff(what)]
    return out


def page(header, version):
    names = ", ".join(call.name for call in header.calls) or "plait_" + header.name
    out = [f'.TH PLAIT_{header.name.upper()} 3 "" "plait {version}" "plait"', ".SH NAME", f"{names} \\- {roff(header.title)}", ".SH SYNOPSIS"]
    out += [".nf", ".B #include <plait.h>", ".PP"]
    for _, code in header.items:
        out += [*("\\fB" + roff(line) + "\\fR" for line in code.split("\n")), ".PP"]
    out += [".fi", "Compile and link with", ".IR \"cc program.c $(pkg\\-config \\-\\-cflags \\-\\-libs plait)\" .", ".SH DESCRIPTION"]
    for block in header.paragraphs:
        out += roff_paragraph(block)
    for call in header.calls:
        out += roff_call(call)
    if header.example:
        out += [".SH EXAMPLE", *roff_code(header.example)]
    others = [f".BR plait_{other.name} (3)" for other in headers() if other.name != header.name]
    out += [".SH SEE ALSO", " ,\n".join(others)]
    return "\n".join(out) + "\n"


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def write_pages(directory):
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(INCLUDE, "error.h"), encoding="utf-8") as f:
        version = re.search(r'PLAIT_VERSION "([^"]+)"', f.read())[1]
    for header in headers():
        write(os.path.join(directory, f"plait_{header.name}.3"), page(header, version))
        for call in header.calls:
            if call.name != "plait_" + header.name:
                write(os.path.join(directory, call.name + ".3"), f".so man3/plait_{header.name}.3\n")


# ---- docs/errors.md


def cell(text):
    return text.replace("|", "\\|") or "-"


def errors():
    print("# Errors, call by call\n")
    print(textwrap.dedent("""\
        Made from the headers by `man/generate.py --errors`; a test compares it with them and with the library's symbols.
        A code is what the world or the data does; misuse is what only a wrong program does, and aborts with the object, its
        holder and the place. Every call may also abort on a handle or an object that is not one of its kind.
        """))
    for header in headers():
        if header.calls:
            print(f"## {header.name}.h\n\n| call | returns | codes | misuse |\n| --- | --- | --- | --- |")
            for call in header.calls:
                print(f"| `{call.name}` | {cell(call.fact('returns'))} | {cell(call.fact('errors'))} | {cell(call.fact('misuse'))} |")
            print()


def write_examples(directory):
    os.makedirs(directory, exist_ok=True)
    for header in headers():
        if header.example:
            write(os.path.join(directory, header.name + ".c"),
                  "#include <plait.h>\n#include <errno.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n\n" + "\n".join(header.example) + "\n")


def main(words):
    if words == ["--errors"]:
        errors()
    elif words == ["--calls"]:
        print("\n".join(call.name for header in headers() for call in header.calls))
    elif len(words) == 2 and words[0] == "--examples":
        write_examples(words[1])
    elif len(words) == 1 and not words[0].startswith("-"):
        write_pages(words[0])
    else:
        sys.exit(__doc__)


main(sys.argv[1:])
