"""What bench/run measures: each item, who takes part in it, and what plait must reach.

Item names are those of the peer kits; the commands' numbers (rounds, seconds) are chosen so that a run takes 0.1-0.3 s. A command
prints `value unit [name=value ...]` or, for several figures, `value unit NAME` lines. {plait}, {sync}, {coro} and {ipc} are the
folders of the built programs, {core} is a processor to pin to.

Who counts: RIVAL does the same job, and the best of them is what the target is measured against. BESIDE does another job - the note
says which difference: spins, unbounded, inlined, one thread only, no guard pages - and is shown beside. MISSING is in no package
registry, or could not be built."""
import os
from dataclasses import dataclass, field

RIVAL, BESIDE, MISSING = "rival", "beside", "missing"
LOWER, HIGHER, AT_MOST, REPORTED = "<= 1.0", ">= 1.0", "at most", "reported"
NO_REGISTRY = "missing: in no package registry"


@dataclass
class Peer:
    who: str
    command: str
    role: str = RIVAL
    note: str = ""
    environment: dict = field(default_factory=dict)
    limit: int = 10     # seconds for one run


@dataclass
class Target:
    """LOWER, HIGHER: plait's figure by the best rival's, times `limit` if there is one. AT_MOST: the sum of plait's figures against a number."""
    rule: str
    figures: tuple = ("",)
    limit: float = 0
    only: str = ""      # a rival counts when this figure is at least 0.5 (share)
    same: bool = False  # compare with the rival that the item's first target chose


@dataclass
class Item:
    name: str
    peers: list = field(default_factory=list)
    targets: list = field(default_factory=list)

    def add(self, names, command, role=RIVAL, note="", **more):
        """names: words of `who=ARGUMENT` or just who; {peer} in the command is the argument."""
        for word in names if isinstance(names, list) else names.split():
            who, _, argument = word.partition("=")
            self.peers.append(Peer(who, command.replace("{peer}", argument or who), role, note, **more))

    def missing(self, names):
        self.add(names, "", MISSING, NO_REGISTRY)


def locks():
    for second in (0, 1):
        i = Item(f"lock-uncontended-{second + 1}", targets=[Target(LOWER)])
        pin, args = "taskset -c {core} ", f"3000000 {second}"
        glibc = "glibc-mutex glibc-adaptive glibc-recursive"
        i.add("plait", pin + "{plait}/lock_uncontended " + args)
        i.add("nsync-mu absl-mutex", pin + "{sync}/lock_uncontended {peer} " + args)
        if second:
            i.add(glibc, pin + "{sync}/lock_uncontended {peer} " + args)
        else:
            i.add(glibc, pin + "{sync}/lock_uncontended {peer} " + args, BESIDE, "no atomics while the process has one thread")
        i.add("tbb-mutex", pin + "{sync}/lock_uncontended {peer} " + args, BESIDE, "inlined")
        i.add("rust-std-mutex parking_lot-mutex", pin + "{sync}/rust/release/lock_uncontended {peer} " + args, BESIDE, "inlined")
        i.add("go-mutex", pin + "{sync}/go-peers lock_uncontended {peer} " + args, BESIDE, "inlined; Go always has threads")
        yield i
    for threads in (2, 4, 8):
        args = f"{threads} 0.2"
        longest = Target(AT_MOST, ("longest_ms",), 5) if threads == 2 else Target(LOWER, ("longest_ms",), same=True)
        i = Item(f"lock-contended-{threads}", targets=[Target(HIGHER, only="share"), longest])
        i.add("plait", "{plait}/lock_contended " + args)
        i.add("glibc-mutex glibc-adaptive tbb-mutex nsync-mu absl-mutex", "{sync}/lock_contended {peer} " + args)
        i.add("rust-std-mutex parking_lot-mutex", "{sync}/rust/release/lock_contended {peer} " + args)
        i.add("go-mutex-osthread", "{sync}/go-peers lock_contended {peer} " + args)
        i.add("go-mutex", "{sync}/go-peers lock_contended {peer} " + args, BESIDE, "goroutines")
        yield i


def checked_locks():
    for depth in (1, 2, 4):
        pin, args = "taskset -c {core} ", f"{depth} 2000000"
        i = Item(f"check-{depth}", targets=[Target(LOWER, ("ns",)), Target(LOWER, ("ratio",)),
                                            Target(AT_MOST, ("ratio",), 2 if depth == 1 else 3)])
        i.add("plait", pin + "{plait}/lock_checked " + args)
        i.add("absl-mutex-order-check", pin + "{sync}/lock_checked " + args)
        yield i


def reader_locks():
    for threads in (2, 8):
        for percent in (0, 1):
            args = f"{threads} {percent * 10} 0.2"
            longest = [Target(LOWER, ("longest_write_ms",), same=True)] if percent else []
            i = Item(f"rwlock-readers-{threads}-{percent}pct", targets=[Target(HIGHER), *longest])
            i.add("plait", "{plait}/rwlock " + args)
            i.add("glibc-rwlock tbb-rw_mutex absl-mutex nsync-mu", "{sync}/rwlock {peer} " + args)
            i.add("rust-std-rwlock parking_lot-rwlock", "{sync}/rust/release/rwlock {peer} " + args)
            i.add("tbb-spin_rw_mutex", "{sync}/rwlock {peer} " + args, BESIDE, "never sleeps")
            i.add("go-rwmutex", "{sync}/go-peers rwlock {peer} " + args, BESIDE, "goroutines")
            yield i


def shared_locks():
    for processes, pairs, slow in ((1, 10000000, 150000), (2, 2000000, 50000), (4, 500000, 15000)):
        i = Item(f"xlock-{processes}", targets=[Target(LOWER if processes == 1 else HIGHER)])
        i.add("plait", f"{{plait}}/xlock {processes} {pairs}")
        i.add("pthread-pshared-robust", f"{{ipc}}/xlock {{peer}} {processes} {pairs}")
        i.add("pthread-pshared-robust-recursive", f"{{ipc}}/xlock {{peer}} {processes} {pairs}", BESIDE, "recursive")
        i.add("pthread-pshared pthread-pshared-recursive sem_t", f"{{ipc}}/xlock {{peer}} {processes} {pairs}", BESIDE,
              "does not survive a killed holder")
        i.add("boost-mutex boost-recursive-mutex", f"{{ipc}}/xlock_boost {{peer}} {processes} {pairs}", BESIDE,
              "does not survive a killed holder")
        i.add("ref-futex", f"{{ipc}}/xlock {{peer}} {processes} {pairs}", BESIDE, "reference: three states, no owner")
        i.add("flock fcntl fcntl-ofd", f"{{ipc}}/xlock {{peer}} {processes} {slow}", BESIDE, "system call each time")
        yield i


def shared_counters():
    for processes, adds in ((1, 20000000), (2, 5000000), (4, 2500000)):
        i = Item(f"xcounter-{processes}", targets=[Target(HIGHER, limit=0.95)])
        i.add("plait", f"{{plait}}/xlock {processes} {adds} value")
        i.add("ref-shm", f"{{ipc}}/xdict {{peer}} counter {processes} {adds}", note="reference: a bare atomic, whose result is not asked for")
        i.add("boost", f"{{ipc}}/xdict_boost {{peer}} counter {processes} {adds // 10}", BESIDE, "under a mutex; does not survive a killed holder")
        yield i


def shared_dicts():
    """100,000 keys, values of 8 to 64 bytes, 9 of 10 operations are gets. Twice, because the two kinds of peer have targets of their own."""
    for processes in (1, 2, 4):
        args = f"dict {processes} "
        i = Item(f"xdict-{processes}", targets=[Target(HIGHER, limit=3)])
        i.add("plait", f"{{plait}}/xdict {{peer}} {args}{500000 // processes}")
        i.add("lmdb-c", f"{{ipc}}/xdict {{peer}} {args}{100000 // processes}", note="a transaction each, never synced")
        i.add("boost", f"{{ipc}}/xdict_boost {{peer}} {args}{200000 // processes}", note="one mutex; does not survive a killed holder")
        yield i
        i = Item(f"xdict-{processes}.unsafe", targets=[Target(HIGHER, limit=0.7)])
        i.add("plait", f"{{plait}}/xdict {{peer}} {args}{500000 // processes}")
        i.add("ref-shm", f"{{ipc}}/xdict {{peer}} {args}{500000 // processes}", note="reference: cannot grow, nor survive a kill")
        yield i


def deaths():
    """From the kill of a lock's holder to who sleeps on it; the patrol's is a death that the kernel did not mark."""
    for name, mib, repeats in (("kernel-1m", 1, 60), ("kernel-1g", 1024, 6)):
        i = Item(f"death-{name}", targets=[Target(LOWER, ("median",), 2), Target(AT_MOST, ("median",), 1000)])
        i.add("plait", f"{{plait}}/death {{peer}} {mib} {repeats}", limit=30)
        i.add("glibc-robust=glibc", f"{{plait}}/death {{peer}} {mib} {repeats}", limit=30)
        yield i
    i = Item("death-patrol", targets=[Target(AT_MOST, ("median",), 50000), Target(AT_MOST, ("p99",), 50000)])
    i.add("plait=patrol", "{plait}/death {peer} 1 10")
    yield i


def starts():
    for name, mib, repeats, slow in (("10m", 10, 60, 20), ("1g", 1024, 60, 10)):
        i = Item(f"xstart-{name}", targets=[Target(LOWER, ("first",), 1.5), Target(LOWER, ("join",), 1.5)])
        i.add("plait", f"{{plait}}/xstart forkserver {mib} {repeats}")
        i.add("ref-fork-server", f"{{ipc}}/xstart {{peer}} {mib} {repeats}", RIVAL, "reference: forked while small, nothing crosses")
        i.add("plait-spawn=spawn", f"{{plait}}/xstart {{peer}} {mib} {slow}", BESIDE, "executes the program anew")
        i.add("plait-fork=fork", f"{{plait}}/xstart {{peer}} {mib} {slow}", BESIDE, "copies the parent")
        i.add("fork fork-exec", f"{{ipc}}/xstart {{peer}} {mib} {slow}", BESIDE, "copies the parent's page tables")
        i.add("vfork-exec posix_spawn clone-vfork-exec", f"{{ipc}}/xstart {{peer}} {mib} {slow}", BESIDE, "executes a tiny program")
        yield i


def shared_queues():
    for crew, items in (("1 1", 1000000), ("2 2", 1000000), ("4 4", 1000000)):
        i = Item("xqueue-" + crew.replace(" ", "x"), targets=[Target(HIGHER)])
        args = f"{crew} {items}"
        i.add("plait", "{plait}/xqueue general " + args)
        i.add("boost-mq", "{ipc}/xq_boost {peer} " + args)
        i.add("mutex-cond-ring", "{ipc}/xq_kernel {peer} " + args)
        i.add("zeromq-ipc", "{ipc}/xq_lib {peer} " + args)
        i.add("unix-seqpacket posix-mq-1024", "{ipc}/xq_kernel {peer} " + f"{crew} 100000", BESIDE, "system call each time")
        yield i
    for form in ("single", "batch"):
        i = Item(f"xqueue-1x1-{form}", targets=[Target(HIGHER, limit=0.8)])
        i.add("plait", f"{{plait}}/xqueue {form} 1 1 4000000")
        i.add("ref-spsc-mb", "{ipc}/xq_kernel {peer} 1 1 4000000", note="reference: a bare ring that wakes")
        yield i
    for size, items, slow in ((1024, 400000, 300000), (65536, 20000, 20000)):
        name = f"xqueue-{size // 1024}k"
        i = Item(name, targets=[Target(HIGHER, limit=1.5)])
        i.add("plait", f"{{plait}}/xqueue general 1 1 {items} {size}")
        i.add("boost-mq", f"{{ipc}}/xq_boost {{peer}} 1 1 {items} {size}")
        i.add("unix-seqpacket", f"{{ipc}}/xq_kernel {{peer}} 1 1 {items} {size}", BESIDE, "system call each time")
        yield i
        i = Item(f"{name}-place", targets=[Target(HIGHER)])
        i.add("plait", f"{{plait}}/xqueue place 1 1 {items} {size}", note="written and read in place")
        i.add("iceoryx2", f"{{ipc}}/rust/release/kit_ipc xq {{peer}} {slow} {size}", note="read in place; an event per message")
        i.add("iceoryx2-poll", f"{{ipc}}/rust/release/kit_ipc xq {{peer}} {slow} {size}", BESIDE, "the consumer never sleeps")
        yield i


def tokens():
    """One token between two processes. CPU is what both burn in a round."""
    kernel = "futex eventfd pipe unix-stream posix-mq posix-named-sem mutex-cond robust-mutex-cond"
    for name, pin, rounds, few in (("xpingpong", "", 200000, 6000), ("xpingpong-1cpu", "taskset -c {core} ", 20000, 6000)):
        i = Item(name, targets=[Target(LOWER)])
        i.add("plait=semaphore", f"{pin}{{plait}}/xpingpong {{peer}} {rounds}")
        i.add("plait-event=event plait-queue=queue", f"{pin}{{plait}}/xpingpong {{peer}} {rounds}", BESIDE, "another object of ours")
        i.add(kernel, f"{pin}{{ipc}}/xpp {{peer}} {few}", note="always sleeps")
        i.add("boost-mutex-cond boost-semaphore", f"{pin}{{ipc}}/xpp_lib {{peer}} {few}", note="Boost.Interprocess")
        i.add("zeromq-ipc nanomsg-ipc nng-ipc", f"{pin}{{ipc}}/xpp_lib {{peer}} {few // 3}", note="with threads of their own")
        i.add("iceoryx2 iceoryx2-event", f"{pin}{{ipc}}/rust/release/kit_ipc xpp {{peer}} {few}")
        yield i
    i = Item("xpingpong-spin", targets=[Target(LOWER, limit=1.5)])
    i.add("plait=semaphore", "{plait}/xpingpong {peer} 200000")
    i.add("plait-event=event plait-queue=queue", "{plait}/xpingpong {peer} 200000", BESIDE, "another object of ours")
    i.add("ref-spin-futex", "{ipc}/xpp {peer} 200000", note="reference: 2,000 pauses, then futex")
    i.add("spin", "{ipc}/xpp {peer} 200000", BESIDE, "never sleeps")
    i.add("iceoryx2-spin", "{ipc}/rust/release/kit_ipc xpp {peer} 100000", BESIDE, "never sleeps")
    yield i
    i = Item("xpingpong-idle", targets=[Target(AT_MOST, limit=5000)])
    i.add("plait=semaphore", "{plait}/xpingpong idle {peer} 1", note="CPU of both in a second without a token: their patrols")
    yield i


def big():
    i = Item("xbig", targets=[Target(LOWER)])
    i.add("plait", "{plait}/xbig 256", note="an array of plait's by name, in place, 0 copies")
    i.add("ref-memfd-in-place", "{ipc}/xbig {peer} 256", note="reference: in place, 0 copies")
    i.add("memfd-copy process_vm_readv", "{ipc}/xbig {peer} 256", BESIDE, "one copy")
    i.add("pipe pipe-1m unix-stream", "{ipc}/xbig {peer} 256", BESIDE, "two copies")
    yield i


def queues():
    for crew, place in (("1 1", "free"), ("1 1", "2core"), ("1 4", "free"), ("4 1", "free"), ("4 4", "free")):
        i = Item("queue-" + crew.replace(" ", "x") + ("-2core" if place == "2core" else ""), targets=[Target(HIGHER)])
        args, one = f"{crew} 0.12 {place}", crew == "1 1"
        i.add("plait", "{plait}/queue " + args)
        i.add("crossbeam-bounded", "{sync}/rust/release/queue {peer} " + args)
        i.add("kanal-bounded", "{sync}/rust/release/queue {peer} " + args, BESIDE, "spins before it sleeps")
        i.add("flume-bounded", "{sync}/rust/release/queue {peer} " + args, BESIDE, "not the target's peer")
        i.add("rust-sync_channel", "{sync}/rust/release/queue {peer} " + args, BESIDE,
              "one consumer" if crew.endswith(" 1") else "consumers share a mutex")
        i.add("c-mutex-ring tbb-bounded moodycamel-bounded", "{sync}/queue {peer} " + args, BESIDE, "not the target's peer")
        i.add("go-chan-osthread", "{sync}/go-peers queue {peer} " + args, BESIDE, "not the target's peer")
        if place == "free":
            i.add("go-chan", "{sync}/go-peers queue {peer} " + args, BESIDE, "goroutines")
        if one:
            i.add("moodycamel-rw-circular", "{sync}/queue {peer} " + args, BESIDE, "1x1 only")
            i.add("boost-spsc ck-spsc", "{sync}/queue {peer} " + args, BESIDE, "1x1 only; never sleeps")
        i.add("moodycamel moodycamel-tokens glib-async", "{sync}/queue {peer} " + args, BESIDE, "unbounded")
        i.add("boost-lockfree ck-mpmc atomic_queue", "{sync}/queue {peer} " + args, BESIDE, "never sleeps")
        i.missing("rigtorp")
        yield i


def queue_latencies():
    for pace, place in (("busy", "free"), ("busy", "2core"), ("idle", "free")):
        i = Item(f"queue-latency-{pace}" + ("-2core" if place == "2core" else ""), targets=[Target(LOWER), Target(LOWER, ("used_cpus",), same=True)])
        args = f"2000 50000 {pace} {place}"
        i.add("plait", "{plait}/queue_latency " + args)
        i.add("c-mutex-ring tbb-bounded moodycamel-bounded", "{sync}/queue_latency {peer} " + args)
        i.add("crossbeam-bounded flume-bounded rust-sync_channel", "{sync}/rust/release/queue_latency {peer} " + args)
        i.add("go-chan-osthread", "{sync}/go-peers queue_latency {peer} " + args)
        i.add("kanal-bounded", "{sync}/rust/release/queue_latency {peer} " + args, BESIDE, "spins before it sleeps")
        i.add("moodycamel-rw-circular", "{sync}/queue_latency {peer} " + args, BESIDE, "1x1 only")
        i.add("moodycamel glib-async", "{sync}/queue_latency {peer} " + args, BESIDE, "unbounded")
        if place == "free":
            i.add("go-chan", "{sync}/go-peers queue_latency {peer} " + args, BESIDE, "goroutines")
        yield i


def priority_queues():
    for name, resident, pairs in (("1e3", 1000, 500000), ("1e6", 1000000, 300000)):
        for crew, threads in (("1t", 1), ("2x2", 4)):
            i = Item(f"priority-queue-{name}-{crew}", targets=[Target(LOWER, limit=1 / 1.2) if threads == 1 else Target(HIGHER, limit=1.2)])
            args = f"{resident} {pairs} {threads}"
            i.add("plait", "{plait}/pqueue " + args)
            i.add("tbb-cpq", "{sync}/pqueue {peer} " + args)
            i.add("std-heap-mutex boost-4ary-mutex", "{sync}/pqueue {peer} " + args, BESIDE, "never sleeps when empty")
            i.add("go-heap-mutex", "{sync}/go-peers pqueue {peer} " + args, BESIDE, "goroutines; never sleeps when empty")
            yield i


def hand_overs():
    for place in ("2core", "1core"):
        i = Item(f"pingpong-{place}", targets=[Target(LOWER)])
        pin, args = ("", "2core 0.15") if place == "2core" else ("taskset -c {core} ", "free 0.15")
        spinners, sleepers = (RIVAL, BESIDE) if place == "2core" else (BESIDE, RIVAL)
        apart = "sleeps at once" if place == "2core" else "spins before it sleeps"
        i.add("plait", pin + "{plait}/pingpong " + args)
        i.add("moodycamel-lightsem", pin + "{sync}/pingpong {peer} " + args, spinners, apart if spinners == BESIDE else "")
        i.add("crossbeam-bounded-1 crossbeam-bounded-0", pin + "{sync}/rust/release/pingpong {peer} " + args, spinners,
              apart if spinners == BESIDE else "")
        note = apart if sleepers == BESIDE else ""
        i.add("glibc-sem glibc-condvar absl-condvar", pin + "{sync}/pingpong {peer} " + args, sleepers, note)
        i.add("parking_lot-condvar rust-std-condvar", pin + "{sync}/rust/release/pingpong {peer} " + args, sleepers, note)
        i.add("raw-futex", pin + "{sync}/pingpong {peer} " + args, BESIDE, "reference: the least that sleeps")
        i.add("std-semaphore std-atomic-wait tbb-bounded-queue-1", pin + "{sync}/pingpong {peer} " + args, BESIDE,
              "not the target's peer")
        i.add("kanal-bounded-1", pin + "{sync}/rust/release/pingpong {peer} " + args, BESIDE, "not the target's peer")
        i.add("go-chan-osthread", pin + "{sync}/go-peers pingpong {peer} " + args, BESIDE, "not the target's peer")
        yield i
    i = Item("event-fanout", targets=[Target(LOWER)])
    i.add("plait", "{plait}/fanout 100 20")
    i.add("glibc-condvar std-atomic-wait absl-notification nsync-note", "{sync}/fanout {peer} 100 20")
    i.add("parking_lot-condvar rust-std-condvar", "{sync}/rust/release/fanout {peer} 100 20")
    i.add("go-close-osthread", "{sync}/go-peers fanout {peer} 100 20")
    i.add("raw-futex", "{sync}/fanout {peer} 100 20", BESIDE, "reference: one system call")
    yield i



def switch():
    i = Item("switch", targets=[Target(LOWER)])
    i.add("plait", "{plait}/switch 15000000", note="mxcsr and x87 control belong to the worker, not saved")
    i.add(["Boost.Context fcontext=fcontext", "Boost.Context fiber=boost"], "{coro}/switch_cpp {peer} 12500000")
    i.add("corosensei", "{coro}/switch_rs 15000000", BESIDE, "inlined: spills only what is live")
    i.add(["C++20 coroutine=cxx20"], "{coro}/switch_cpp {peer} 30000000", BESIDE, "stackless")
    i.add("swapcontext=ucontext", "{coro}/switch_c {peer} 400000", BESIDE, "two system calls")
    i.add(["Go iter.Pull=switch"], "{coro}/go switch 1 1800000", BESIDE, "through the runtime")
    i.missing(["minicoro", "Photon"])
    yield i


def generators():
    """A step is two switches: so <= 1.0 here is <= 2.0 of the item above."""
    i = Item("generator", targets=[Target(LOWER)])
    i.add("plait", "{plait}/generator 10000000", note="with the value's copy and the checks")
    i.add(["Boost.Context fcontext=fcontext", "Boost.Context fiber=boost"], "{coro}/switch_cpp {peer} 12500000 step", note="two bare switches")
    i.add(["C++20 coroutine=cxx20"], "{coro}/switch_cpp {peer} 30000000 step", BESIDE, "stackless")
    i.missing(["minicoro"])
    yield i


def runtimes(i, item, workers, counts, extra=(), limit=10, beside=None, notes=None):
    """The rows of one coroutine item. counts: expected cost -> arguments, by runtime; beside: programs that do another job or that
    the target does not name, and why; notes: what else to say of a program's row."""
    beside = beside or {}

    def add(who, program, role=RIVAL, note="", threads=workers, **more):
        if program in counts:
            role, note = (BESIDE, beside[program]) if program in beside else (role, (notes or {}).get(program, note))
            i.add([f"{who}={program}"], f"{{coro}}/{program.split('-')[0]} {item} {threads} {counts[program]}", role, note,
                  limit=limit, **more)
    add("Go", "go")
    add("Tokio", "tokio", note="stackless")
    add("Tokio kanal", "tokio-kanal", note="stackless", environment={"CHAN": "kanal"})
    add("Boost.Fiber", "fiber", note="no guard pages" + ("; idle workers spin" if workers == 2 else ""))
    add("may", "may")
    if workers == 1:
        add("Tokio current-thread", "tokio-current", BESIDE, "one thread only", threads=0)
        add("State Threads", "st", BESIDE, "one thread only; no guard pages")
    for who, program, role, note, environment in extra:
        add(who, program, role, note, environment=environment)
    i.missing(["Photon"] if workers == 2 else ["libdill", "neco", "Photon"])


def counted(slice_ns, costs, make):
    """Arguments by runtime, so that each runs for about slice_ns."""
    return {program: make(max(int(slice_ns / ns), 8)) for program, ns in costs.items()}


def yields():
    shapes = (("yield.w1", 1, 2, dict(plait=20, go=60, tokio=170, fiber=50, may=100, st=220) | {"tokio-current": 150}),
              ("yield1000.w1", 1, 1000, dict(plait=40, go=90, tokio=90, fiber=150, may=130, st=100) | {"tokio-current": 60}),
              ("yield2000.w2", 2, 2000, dict(plait=40, go=80, tokio=100, fiber=100, may=150)))
    for name, workers, crew, costs in shapes:
        i = Item(name, targets=[Target(LOWER)])
        counts = counted(0.15e9, costs, lambda n: f"{crew} {n // crew + 1}")
        i.add("plait", f"{{plait}}/coro yield {workers} {counts['plait']}")
        runtimes(i, "yield", workers, counts)
        yield i


def spawns():
    single, batch = (lambda n: f"{n} 1"), (lambda n: f"{n // 1000 + 1} 1000")
    pool = (("Boost.Fiber pooled", "fiber-pooled", BESIDE, "its pool takes no lock: one worker only", {"STACK": "pooled"}),)
    shapes = (("spawn1.w1", "spawn1", 1, single, dict(plait=200, go=350, tokio=600, fiber=400, may=1500, st=100)
               | {"tokio-current": 350, "fiber-pooled": 300}),
              ("spawn1.w2", "spawn1", 2, single, dict(plait=300, go=400, tokio=500, fiber=450, may=3000)),
              ("spawnb.w1", "spawnb", 1, batch, dict(plait=200, go=220, tokio=700, fiber=4000, may=1200, st=60)
               | {"tokio-current": 200, "fiber-pooled": 500}),
              ("spawnb.w2", "spawnb", 2, batch, dict(plait=300, go=250, tokio=800, fiber=6000, may=3000)))
    for name, item, workers, make, costs in shapes:
        i = Item(name, targets=[Target(LOWER)])
        counts = counted(0.15e9, costs, make)
        i.add("plait", f"{{plait}}/coro spawn {workers} {counts['plait']}")
        runtimes(i, item, workers, counts, pool if workers == 1 else (), limit=4)
        yield i


def crowds():
    i = Item("parked1m", targets=[Target(AT_MOST, ("rss", "pagetable"), 4400), Target(AT_MOST, ("vmas",), 99),
                                  Target(LOWER, ("create",))])
    i.add("plait", "{plait}/coro parked 1 1000000", note="64 KB stacks, guard pages", limit=60)
    i.add("Go=go", "{coro}/{peer} parked 1 1000000", note="growing stacks", limit=40)
    i.add("Tokio=tokio", "{coro}/{peer} parked 1 1000000", BESIDE, "stackless", limit=40)
    i.add(["Boost.Fiber=fiber", "State Threads=st"], "{coro}/{peer} parked 1 1000000", BESIDE, "no guard pages", limit=40)
    i.add(["Boost.Fiber protected=fiber"], "{coro}/{peer} parked 1 1000000", BESIDE, "guard pages by mprotect",
          environment={"STACK": "protected"}, limit=40)
    i.add("may", "{coro}/may parked 1 1000000", BESIDE, "guard pages by mprotect", limit=40)
    i.missing(["Photon"])
    yield i
    for workers in (1, 2):
        i = Item(f"sleeps100k.w{workers}", targets=[Target(LOWER, ("cpu",))])
        i.add("plait", f"{{plait}}/coro sleeps {workers} 100000", limit=20)
        i.add("Go=go", f"{{coro}}/{{peer}} sleeps {workers} 100000", limit=20)
        i.add("Tokio=tokio", f"{{coro}}/{{peer}} sleeps {workers} 100000", BESIDE, "stackless; ms clock", limit=20)
        if workers == 1:
            i.add(["Boost.Fiber=fiber"], "{coro}/{peer} sleeps 1 100000", BESIDE, "no guard pages", limit=20)
            i.add(["State Threads=st"], "{coro}/{peer} sleeps 1 100000", BESIDE, "sleeps short: stale clock", limit=20)
            i.missing(["libdill", "Photon"])
        yield i


def foreign():
    i = Item("blocking100", targets=[Target(LOWER)])
    i.add("plait", "{plait}/coro blocking 2 100 100", note="plait_blocking, nanosleep")
    i.add("Go=go", "{coro}/{peer} blocking 2 100 100", note="syscall.Nanosleep")
    i.add(["Go cgo=gocgo"], "{coro}/{peer} blocking 2 100 100", note="usleep through cgo")
    i.add("Tokio=tokio", "{coro}/{peer} blocking 2 100 100", BESIDE, "spawn_blocking")
    yield i
    for workers in (1, 2):
        i = Item(f"fair.w{workers}", targets=[Target(REPORTED)])
        i.add("plait", f"{{plait}}/coro fair {workers}")
        names = ["Go=go", "Tokio=tokio", "Boost.Fiber=fiber", "may"] + (["State Threads=st"] if workers == 1 else [])
        i.add(names, f"{{coro}}/{{peer}} fair {workers}", BESIDE)
        i.missing(["Photon"] if workers == 2 else ["libdill", "neco", "Photon"])
        yield i


def meetings():
    """Coroutines that wait for each other. Expected cost in ns by runtime, for 1 worker and for 2."""
    target, not_named = [Target(LOWER)], "not the target's peer"
    one, eight = (lambda n: f"{n}"), (lambda n: f"8 {n}")
    shapes = [
        ("pingpong", "pingpong", one, dict(plait=300, go=260, fiber=230, tokio=300, may=400, st=45) | {"tokio-kanal": 150},
         dict(plait=400, go=300, fiber=1000, tokio=450, may=400) | {"tokio-kanal": 350}),
        ("mutex", "mutex", eight, dict(plait=6, go=12, fiber=20, tokio=100, may=25, st=5),
         dict(plait=10, go=36, fiber=100, tokio=150, may=190)),
        ("mutexy", "mutexy", eight, dict(plait=150, go=300, fiber=120, tokio=400, may=250, st=450),
         dict(plait=150, go=250, fiber=350, tokio=600, may=250)),
        ("timers", "timers", one, dict(plait=250, go=320, fiber=130, tokio=240, may=550, st=25), dict(plait=300, go=400, tokio=400, may=600)),
    ]
    for crew in (1, 4):
        numbers = lambda n, crew=crew: f"{crew} {crew} {n}"
        single = (dict(tokio=80), dict(tokio=100)) if crew == 1 else ({}, {})
        shapes.append((f"chan{crew}x{crew}", "chan", numbers, dict(plait=20, go=40, fiber=20) | {"tokio-kanal": 15} | single[0],
                       dict(plait=35, go=50, fiber=50) | {"tokio-kanal": 25} | single[1]))
    beside = {"may": not_named, "st": "two condition variables; one thread only"}
    for name, item, make, *costs in shapes:
        for workers in (1, 2):
            i = Item(f"{name}.w{workers}", targets=target)
            counts = counted(0.15e9, costs[workers - 1], make)
            room = {"pingpong": "capacity 1", "timers": "capacity 1; Tokio's clock has ms"}.get(name, "")
            i.add("plait", f"{{plait}}/coro_meet {item} {workers} {counts['plait']}", note="capacity 1" if room else "")
            more = {"fiber": not_named} if name == "timers" else {}
            runtimes(i, item, workers, counts, beside=beside | more, notes={"tokio": f"stackless; {room}"} if room else None)
            yield i


def trees():
    for workers in (1, 2):
        i = Item(f"skynet1m.w{workers}", targets=[Target(LOWER, ("wall",)), Target(LOWER, ("peak-rss",))])
        i.add("plait", f"{{plait}}/coro_meet skynet {workers} 1000000", note="guard pages", limit=20)
        leaves = dict(go=1000000, tokio=1000000, fiber=1000000) | {"tokio-current": 1000000}
        runtimes(i, "skynet", workers, leaves, limit=20, beside={"fiber": "not the target's peer; child first; no guard pages"})
        yield i
        i = Item(f"event-fanout.w{workers}", targets=[Target(LOWER)])
        i.add("plait", f"{{plait}}/coro_meet fanout {workers} 100 20")
        i.add(["Go=go"], f"{{coro}}/{{peer}} fanout {workers} 100 20", note="closes a channel")
        yield i


def selects():
    """One puts into queues of room 1 in a random order, one selects among all of them. Expected cost in ns."""
    for queues, coroutines, threads in ((2, dict(plait=600, go=550), dict(plait=5000, crossbeam=8000)),
                                        (16, dict(plait=1200, go=2000), dict(plait=4000, crossbeam=5000)),
                                        (256, dict(plait=5000, go=60000), dict(plait=20000, crossbeam=20000))):
        for workers in (1, 2):
            i = Item(f"select-{queues}.w{workers}", targets=[Target(LOWER)])
            counts = counted(0.15e9, coroutines, lambda n: f"{queues} {n}")
            i.add("plait", f"{{plait}}/select coroutine {workers} {counts['plait']}")
            i.add(["Go=go"], f"{{coro}}/{{peer}} select {workers} {counts['go']}", note="" if queues < 256 else "reflect.Select")
            yield i
        i = Item(f"select-{queues}", targets=[Target(LOWER)])
        counts = counted(0.15e9, threads, lambda n: f"{queues} {n}")
        i.add("plait", f"{{plait}}/select thread 2 {counts['plait']}")
        i.add("crossbeam", f"{{sync}}/rust/release/select {{peer}} {counts['crossbeam']}")
        yield i


def fork_joins():
    """The caller is one of the workers, but in rayon, whose caller sleeps."""
    for workers, target in ((1, 1.2), (2, 0.62)):
        i = Item(f"forkjoin-fib.w{workers}", targets=[Target(LOWER, limit=target)])
        i.add("plait", "{plait}/forkjoin fib 35", environment={"PLAIT_WORKERS": str(workers)})
        i.add("calls", "{pool}/serial fib 1 35", note="plain C, one thread")
        i.add("TBB", f"{{pool}}/tbb fib {workers} 27", BESIDE, "fib(27)")
        i.add("rayon chili", f"{{pool}}/rust {{peer}} fib {workers} 35", BESIDE, "not the target's peer")
        i.missing(["Lace"])
        yield i
    for work, n in (("nqueens", 12), ("uts", 0)):
        i = Item(f"forkjoin-{work}.w2", targets=[Target(LOWER, limit=0.8)])
        i.add("plait", f"{{plait}}/forkjoin {work} {n}", environment={"PLAIT_WORKERS": "2"})
        i.add("TBB", f"{{pool}}/tbb {work} 2 {n}")
        i.add("rayon chili", f"{{pool}}/rust {{peer}} {work} 2 {n}", environment={"RUST_MIN_STACK": str(64 << 20)})
        i.add("calls", f"{{pool}}/serial {work} 1 {n}", BESIDE, "plain C, one thread")
        i.missing(["Lace"])
        yield i
    i = Item("forkjoin-idle", targets=[Target(AT_MOST, limit=0.0005)])
    i.add("plait", "{plait}/forkjoin idle 35", environment={"PLAIT_WORKERS": "2"})
    i.add("rayon chili", "{pool}/rust {peer} idle 2 27")
    yield i


def loops():
    for work, n in (("saxpy", 20000000), ("uneven", 20000)):
        i = Item(f"parallel-for-{work}.w2", targets=[Target(LOWER, limit=1.02)])
        i.add("plait", f"{{plait}}/loops {work} stealing {n}", environment={"PLAIT_WORKERS": "2"})
        for how in ("static", "dynamic"):
            i.add([f"gcc-OpenMP-{how}=omp_gcc", f"clang-OpenMP-{how}=omp_clang"], f"{{pool}}/{{peer}} {work} 2 {n} {how}")
        i.add("TBB", f"{{pool}}/tbb {work} 2 {n}", BESIDE, "not the target's peer")
        i.add("rayon", f"{{pool}}/rust rayon {work} 2 {n}", BESIDE, "not the target's peer")
        yield i
    for name, steps, n in (("tiny", 0, 1000000), ("10us", 10000, 4000)):
        i = Item(f"map-ordered-{name}.w2", targets=[Target(LOWER)])
        i.add("plait", f"{{plait}}/map {steps} {n}", environment={"PLAIT_WORKERS": "2"}, note="the caller and one worker; a call for each input")
        i.add("TBB", f"{{pool}}/tbb map-{name} 2 {n}")
        i.add("rayon", f"{{pool}}/rust rayon map-{name} 2 {n}")
        i.add("gcc-OpenMP=omp_gcc clang-OpenMP=omp_clang", f"{{pool}}/{{peer}} map-{name} 2 {n}")
        yield i


def pools():
    """Two workers beside the thread that submits."""
    java = "java -cp {pool}/java Peers"
    for name, n in (("submit-external", 300000), ("submit-from-worker", 300000)):
        i = Item(f"{name}.w2", targets=[Target(LOWER)])
        i.add("plait", f"{{plait}}/pool {name} 2 {n}")
        i.add("TBB", f"{{pool}}/tbb {name} 2 {n}")
        i.add("rayon", f"{{pool}}/rust rayon {name} 2 {n}")
        i.add("Go=go", f"{{pool}}/go {{peer}} {name} 2 {n}")
        i.add("ForkJoinPool=fjp", f"{java} {{peer}} {name} 2 {n}")
        yield i
    i = Item("pool-round-trip.helping", targets=[Target(LOWER)])
    i.add("plait", "{plait}/pool round-trip 2 300000")
    i.add("TBB", "{pool}/tbb round-trip 2 300000", note="its waiter helps, too")
    yield i
    i = Item("pool-round-trip", targets=[Target(LOWER)])
    i.add("plait", "{plait}/pool round-trip-deadline 2 5000", note="a deadline: the waiter may not help")
    i.add("Go=go", "{pool}/go {peer} round-trip 2 100000")
    i.add("TBB", "{pool}/tbb round-trip-enqueue 2 5000", BESIDE, "arena.enqueue")
    i.add("rayon", "{pool}/rust rayon round-trip 2 5000", BESIDE, "not the target's peer")
    yield i
    i = Item("blocking-jobs.w2", targets=[Target(LOWER, limit=1.05)])
    i.add("plait", "{plait}/pool blocking 2 64")
    i.add("block_in_place", "{pool}/rust tokio blocking-block_in_place 2 64", note="Tokio")
    yield i
    i = Item("waiting-jobs.coroutines", targets=[Target(AT_MOST, limit=105)])
    i.add("plait", "{plait}/pool waiting 1000 10000 coroutine", note="10,000 jobs that wait 10 ms, a pool of 1,000")
    yield i


def process_pools():
    folder = "python3 " + os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers/pool/py/")
    python = folder + "procpool.py"
    i = Item("process-pool-round-trip.w2", targets=[Target(LOWER, limit=0.05)])
    i.add("plait", "{plait}/pool round-trip-us 2 2000 process")
    i.add("multiprocessing=mp-pool concurrent.futures=ppe", python + " {peer} round-trip 2 1000")
    yield i
    i = Item("process-pool-chunk-1.w2", targets=[Target(LOWER, limit=0.1)])
    i.add("plait", "{plait}/pool throughput 2 10000 process")
    i.add("multiprocessing=mp-pool concurrent.futures=ppe", python + " {peer} throughput-1 2 4000")
    yield i
    i = Item("process-pool-default.w2", targets=[Target(LOWER, limit=0.5)])
    i.add("plait", "{plait}/pool map 2 100000 process")
    i.add("multiprocessing=mp-pool", python + " {peer} throughput-default 2 100000")
    i.add("concurrent.futures=ppe", python + " {peer} throughput-default 2 4000", note="its default is 1")
    yield i
    for name, most, what, limit in (("jobs", 1, "healed", 50), ("map", 1, "ended", 0), ("idle", 0.5, "ended", 0)):
        i = Item("process-pool-crash" + ("" if name == "jobs" else f"-{name}"), targets=[Target(AT_MOST, ("failed",), most)])
        if limit:
            i.targets.append(Target(AT_MOST, (what,), limit))
        i.add("plait", f"{{plait}}/crash {name}")
        i.add("multiprocessing=mp-pool concurrent.futures=ppe", folder + f"crash.py {{peer}} {name}", BESIDE, "unanswered after 4 s: failed", limit=20)
        yield i


def carriers():
    for name in "process server thread coroutine".split():
        i = Item(f"carriers-{name}")
        i.add("plait", f"{{plait}}/carriers {name}")
        yield i


def every_item():
    for group in (locks, checked_locks, reader_locks, shared_locks, shared_queues, tokens, big, shared_counters, shared_dicts, deaths, starts, queues, queue_latencies, priority_queues, hand_overs, switch, generators, yields, spawns, meetings, selects, trees, crowds, foreign, fork_joins, loops, pools, process_pools, carriers):
        yield from group()
