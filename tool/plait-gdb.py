"""gdb commands for programs with plait, live or core files; `source plait-gdb.py`, then

    plait tasks          each task: name, state, what it waits for, and the frames of the running and parked ones
    plait enter TASK     stand on the stack of a parked coroutine (a number or a name): bt, up, info locals show it
    plait leave          back to the thread

A parked coroutine is no thread that gdb knows: its registers lie on its stack, where os_switch (src/os/context_CPU.S) left them. To
write them into a thread's registers and back would change the program, and cannot be done in a core file. So an unwinder is told
that the selected thread's innermost frame was called from there; frame 0 is then that thread's own, and the coroutine's begin at
frame 1. They end at os_context_start, which says to every unwinder that nobody called it.

plait must have been built with -g: records and tables are found by their names. Core files of the kernel hold all stacks; gdb's own
generate-core-file leaves out those with guards that the kernel sets inside a mapping, unless the program runs with PLAIT_OS=-guard.
"""
import gdb
from gdb.unwinder import Unwinder, register_unwinder

FRAMES_MOST = 64
RUNNING, TASK_IS_MAIN = 1, 4  # of plait/task.h and task/task.h
CARRIERS = {1: "process", 2: "thread", 3: "coroutine"}
# Words above the saved stack pointer: register, number of the word; then how many words os_switch takes off.
SAVED = {
    "x86-64": ({"r15": 0, "r14": 1, "r13": 2, "r12": 3, "rbx": 4, "rbp": 5, "rip": 6}, 7, "rsp", "rip"),
    "aarch64": ({"x29": 0, "x30": 1, "pc": 1, **{f"x{n}": n - 17 for n in range(19, 29)}}, 20, "sp", "pc"),
}


def address(value):
    return int(value.cast(gdb.lookup_type("unsigned long")))


def saved_registers(frame):
    return SAVED["aarch64" if "aarch64" in frame.architecture().name() else "x86-64"]


class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


class Parked(Unwinder):
    """While `context` is set: who stands at `top` of the stack was called by the coroutine saved there."""

    def __init__(self):
        super().__init__("plait-parked")
        self.context = self.top = None

    def enter(self, context):
        gdb.newest_frame().select()
        self.top = address(gdb.parse_and_eval("$sp"))
        self.context = context
        gdb.invalidate_cached_frames()

    def leave(self):
        self.context = None
        gdb.invalidate_cached_frames()

    def __call__(self, frame):
        if self.context is None:
            return None
        words, count, sp, pc = saved_registers(frame)
        if address(frame.read_register(sp)) != self.top:
            return None
        # gdb wants callers above callees, so the thread's frame is told to lie right below the coroutine's.
        info = frame.create_unwind_info(FrameId(gdb.Value(self.context), frame.read_register(pc)))
        word = gdb.lookup_type("unsigned long")
        for name, number in words.items():
            info.add_saved_register(name, gdb.Value(self.context + 8 * number).cast(word.pointer()).dereference())
        info.add_saved_register(sp, gdb.Value(self.context + 8 * count).cast(word))
        return info


parked = Parked()
register_unwinder(None, parked, replace=True)


class Task:
    def __init__(self, slot):
        self.record = slot["record"]
        self.id = int(slot["id"])
        self.state = int(slot["state"]) & 7
        self.carrier = CARRIERS.get(int(slot["flags"]) >> 16 & 255, "task")

    def name(self):
        if not self.record:
            return "(ended)"
        name = self.record["name"].string(errors="replace")
        return name or ("main" if int(self.record["flags"]) & TASK_IS_MAIN else f"{self.carrier}-{self.id - 1}")

    def co(self):
        """Its coroutine, or None: a thread, or a process' main task."""
        return self.record["co"] if self.record and self.record["co"]["stack"] else None

    def waits(self):
        note = self.record["co"]["self"]["note"]
        if not note["verb"]:
            return None
        text = note["verb"].string() + (" " + note["type"].string() if note["type"] else "")
        if note["object"]:
            text += f" {note['object']}"
        place = gdb.find_pc_line(address(note["place"]))
        return text + (f", at {place.symtab.filename}:{place.line}" if place.symtab else "")

    def does(self):
        """Its state; what it waits for. A record's text is asked only while the task lives."""
        states = [field.name.replace("PLAIT_", "").lower() for field in gdb.lookup_type("enum plait_state").fields()]
        if self.state != RUNNING or not self.record:
            return states[self.state]
        if self.co() is not None and not self.co()["started"]:
            return "not started"
        waits = self.waits()
        return f"waiting: {waits}" if waits else states[self.state]


def tasks():
    """All that have a slot: chunk k of the table holds 256 << k of them."""
    try:
        table = gdb.parse_and_eval("'task/slot.c'::table")
    except gdb.error as wrong:
        raise gdb.GdbError(f"plait's tables are not to be seen: {wrong}; was it built with -g?")
    for number in range(int(table["limit"])):
        top = (number + 256).bit_length() - 1
        slot = table["chunks"][top - 8][number + 256 - (1 << top)]
        if int(slot["serial"]) & 1:
            yield Task(slot)


def threads():
    return sorted((thread for thread in gdb.selected_inferior().threads() if thread.is_valid()), key=lambda one: one.num)


def thread_under(task):
    """The thread that stands on the coroutine's stack, or whose task this is; None: nobody runs it."""
    co = task.co()
    for thread in threads():
        thread.switch()
        if co is not None:
            bottom = address(co["stack"])
            if bottom <= address(gdb.parse_and_eval("$sp")) < bottom + int(co["stack_size"]):
                return thread
            continue
        try:
            if address(gdb.parse_and_eval("wait_current")) == address(task.record):
                return thread
        except gdb.error:  # no thread-locals without libthread_db
            pass
    return None


def print_frames(frame):
    for number in range(FRAMES_MOST):
        if frame is None:
            return
        at = frame.find_sal()
        where = f" at {at.symtab.filename}:{at.line}" if at.symtab else ""
        print(f"    #{number} {frame.pc():#x} in {frame.name() or '??'}{where}")
        frame = frame.older()
    print("    ...")


def print_task(task):
    print(f"{task.id} {task.carrier} '{task.name()}' {task.does()}")
    if not task.record or task.state != RUNNING:
        return
    thread, co = thread_under(task), task.co()
    if thread:
        print(f"    on thread {thread.num}")
        print_frames(gdb.newest_frame())
    elif co is not None and co["started"]:
        parked.enter(address(co["context"]))
        try:
            print_frames(gdb.newest_frame().older())
        finally:
            parked.leave()


class Plait(gdb.Command):
    """Tasks of plait: plait tasks, plait enter TASK, plait leave."""

    def __init__(self):
        super().__init__("plait", gdb.COMMAND_STACK, prefix=True)


class Tasks(gdb.Command):
    """Each task of plait with its state, what it waits for, and its frames."""

    def __init__(self):
        super().__init__("plait tasks", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        parked.leave()
        before = gdb.selected_thread()
        if before is None:
            raise gdb.GdbError("there is no program, live or core")
        try:
            for task in tasks():
                print_task(task)
        finally:
            before.switch()


class Enter(gdb.Command):
    """plait enter TASK: stand on a parked coroutine's stack; its frames begin at frame 1."""

    def __init__(self):
        super().__init__("plait enter", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        parked.leave()
        found = [task for task in tasks() if argument in (str(task.id), task.name())]
        if len(found) != 1:
            raise gdb.GdbError(f"{len(found)} tasks are called \"{argument}\"")
        before, task = gdb.selected_thread(), found[0]
        thread, co = thread_under(task), task.co()
        if thread:
            print(f"it is not parked: thread {thread.num} runs it")
            return
        before.switch()
        if co is None or not co["started"]:
            raise gdb.GdbError("it has no stack to stand on: a process, ended, or not started")
        parked.enter(address(co["context"]))
        gdb.execute("frame 1")


class Leave(gdb.Command):
    """Back from plait enter to the thread's own frames."""

    def __init__(self):
        super().__init__("plait leave", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        parked.leave()


for command in Plait, Tasks, Enter, Leave:
    command()
