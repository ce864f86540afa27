"""Builds what bench/run measures: plait's release build and its drivers, and the peers by their setups."""
import glob
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OUT = os.environ.get("BENCH_BUILD", f"{ROOT}/build/bench")
RELEASE = os.environ.get("BENCH_RELEASE", f"{ROOT}/build/release")
PLACES = {"plait": f"{OUT}/plait", "sync": f"{OUT}/peers/sync", "coro": f"{OUT}/peers/coro", "ipc": f"{OUT}/peers/ipc", "pool": f"{OUT}/peers/pool"}
CORE = str(max(os.sched_getaffinity(0)))
FLAGS = ["-std=gnu11", "-O2", "-g", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wno-unused-parameter",
         f"-I{ROOT}/include", f"-I{ROOT}/src"]
# Loops and recursions of one line: as their peers are compiled, bench/peers/pool/setup.
MORE = {name: ["-O3", "-fno-ipa-cp"] for name in ("forkjoin", "loops", "map")}


def first_error(text):
    """The line that says why; the last line when none does."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    marks = ("error:", "Error:", "undefined reference")
    return next((line for line in lines if any(m in line for m in marks)), (lines or ["no message"])[-1])


def run(command, **more):
    """None, or the first error."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, **more)
    except OSError as error:
        return str(error)
    return first_error(done.stderr + done.stdout) if done.returncode else None


def library():
    """Builds the preset `release`; None, or why it does not build."""
    why = run(["cmake", "--preset", "release", "-B", RELEASE], cwd=ROOT)
    return why or run(["cmake", "--build", RELEASE, "-j2", "--target", "plait_static", "plait_whole"])


def drivers():
    """Links each driver with the static library; {driver: why not} for those that cannot be had."""
    os.makedirs(PLACES["plait"], exist_ok=True)
    why = library()
    missing = {}
    for source in sorted(glob.glob(f"{ROOT}/bench/plait/*.c")):
        name = os.path.splitext(os.path.basename(source))[0]
        program = f"{PLACES['plait']}/{name}"
        if os.path.exists(program):
            os.unlink(program)      # a stale one must not stand for what does not build
        # the bare switch is not public, so that one needs the library with its internal names
        archive = f"{RELEASE}/libplait-whole.a" if name == "switch" else f"{RELEASE}/libplait.a"
        failure = why or run(["gcc", *FLAGS, *MORE.get(name, []), source, "-o", program, archive, "-pthread"])
        if failure:
            missing[name] = f"cannot be built: {failure[:160]}"
    return missing


def everything(places):
    """Builds for these places; what is missing of plait's own drivers, by program."""
    for place in sorted(places - {"plait"}):
        subprocess.run([f"{ROOT}/bench/peers/{place}/setup"], env={**os.environ, "BENCH_BUILD": OUT}, stdout=sys.stderr)
    return drivers() if "plait" in places else {}
